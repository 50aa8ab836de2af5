"""Git gets to a remote by the addresses that were judged, follows no redirect by itself, and repeats nobody's words."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pipeline.adapters.git.network import GitNetwork, Remote
from pipeline.adapters.git.remotes import inspect_remote
from pipeline.adapters.git.repository import GitRepository, cache_below, open_repository
from pipeline.adapters.git.runner import GitCommands
from pipeline.adapters.network.addresses import AddressPolicy, Resolve
from pipeline.change_request import PauseReason, Reach
from pipeline.errors import CallerError, ChangelineError, InvariantBroken, PersonNeeded, TransientError
from pipeline.ports import NotPublic
from pipeline.repositories.local_places import LocalPlaces
from tests.adapters.git_world import ADA, NoonClock, Origin, make_origin
from tests.git_server import WORDS, GitServer, Said, git_server, redirecting

METADATA, PUBLIC = "169.254.169.254", "93.184.216.34"


class Names:
    """A resolver that answers as it is told, and differently the next time if there is more than one answer."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self._answers = {name.replace("_", "."): list(given) for name, given in answers.items()}

    async def __call__(self, host: str, _port: int) -> Sequence[str]:
        answers = self._answers.get(host)
        if answers is None:
            raise OSError(f"nobody knows {host}")
        return answers.pop(0) if len(answers) > 1 else answers[0]


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    made = make_origin(tmp_path / "served")
    made.commit({"a": b"a"})
    return made


@pytest.fixture
def served(origin: Origin) -> Iterator[GitServer]:
    with git_server(origin.path.parent) as server:
        yield server


def network(resolve: Resolve | None = None, *, allowed: Sequence[str] = (), **given: Any) -> GitNetwork:
    surroundings = given.pop("environment", {})
    return GitNetwork(
        GitCommands(timeout_s=30, environment=surroundings), policy=AddressPolicy(allowed, resolve=resolve),
        places=LocalPlaces(owner="default"), **given,
    )  # fmt: skip


def remote(ways: GitNetwork, address: str, reach: Reach = Reach.PRIVATE) -> Remote:
    return ways.remote(address, tenant="default", reach=reach)


async def repository(to: Remote, cache: Path) -> GitRepository:
    return await open_repository(
        name="sample", remote=to, cache_dir=cache, commands=GitCommands(timeout_s=30), author=ADA, clock=NoonClock()
    )


async def test_a_name_that_only_the_policy_can_resolve_is_looked_at_fetched_and_pushed_to(
    served: GitServer, origin: Origin, tmp_path: Path
) -> None:
    ways = network(Names(git_example=[["127.0.0.1"]]), allowed=[f"git.example:{served.port}"])
    to = remote(ways, f"http://Git.Example.:{served.port}/origin.git", Reach.PUBLIC)
    facts = await inspect_remote(to)
    opened = await repository(to, tmp_path / "cache")
    await opened.fetch()
    assert await opened.branch_head("main") == facts.base_commit == origin.head("refs/heads/main")
    head = await opened.commit_files(parent=facts.base_commit, files={"b": b"b"}, message="x", author=ADA)
    await opened.push(commit=head, ref="refs/heads/topic", expected=None)
    assert await opened.remote_ref("refs/heads/topic") == head == origin.head("refs/heads/topic")
    await opened.fetch_refs(["refs/heads/topic"], into="refs/kept/")
    assert {host for host, _ in served.asked} == {f"git.example:{served.port}"}


async def test_the_judged_address_is_connected_to_and_not_what_the_system_resolves(
    served: GitServer, origin: Origin, tmp_path: Path
) -> None:
    with git_server(origin.path.parent, host="127.0.0.2", port=served.port) as judged:
        ways = network(Names(localhost=[["127.0.0.2"]]))
        await inspect_remote(remote(ways, f"http://localhost:{served.port}/origin.git"))
    assert judged.asked
    assert not served.asked


@pytest.mark.parametrize(
    ("reach", "later"), [(Reach.PUBLIC, "127.0.0.1"), (Reach.PUBLIC, "10.0.0.1"), (Reach.PRIVATE, METADATA)]
)
async def test_a_name_that_leads_elsewhere_at_its_use_is_refused_then(
    served: GitServer, tmp_path: Path, reach: Reach, later: str
) -> None:
    names = Names(git_example=[[PUBLIC] if reach is Reach.PUBLIC else ["127.0.0.1"], [later]])
    ways = network(names)
    to = remote(ways, f"http://git.example:{served.port}/origin.git", reach)
    if reach is Reach.PRIVATE:
        await inspect_remote(to)
    else:  # judged only: this suite does not leave loopback
        assert (await AddressPolicy(resolve=names).judge("git.example", served.port)).addresses == (PUBLIC,)
    served.asked.clear()
    opened = await repository(to, tmp_path / "cache")
    for use in (opened.fetch(), opened.remote_ref("refs/heads/main"), opened.remote_refs(["refs/heads/"]),
                opened.fetch_refs(["refs/heads/main"], into="refs/kept/"),
                opened.push(commit=None, ref="refs/heads/main", expected="a" * 40)):  # fmt: skip
        with pytest.raises(PersonNeeded, match="not public") as paused:
            await use
        assert paused.value.reason is PauseReason.REMOTE_UNREACHABLE
    assert served.asked == []


async def test_a_name_that_cannot_be_resolved_now_is_tried_again_later(tmp_path: Path) -> None:
    opened = await repository(remote(network(Names()), "https://git.example/x.git", Reach.PUBLIC), tmp_path)
    with pytest.raises(TransientError, match="resolved"):
        await opened.fetch()


@pytest.mark.parametrize("answer", [[["127.0.0.1"]], [["10.1.2.3"]], [[METADATA]], None])
async def test_an_unknown_a_private_and_a_forbidden_name_are_answered_alike(
    served: GitServer, answer: Sequence[Sequence[str]] | None
) -> None:
    names = Names() if answer is None else Names(git_example=answer)
    ways = network(names)
    for address in (f"http://git.example:{served.port}/origin.git", f"ssh://git@git.example:{served.port}/x"):
        with pytest.raises(NotPublic) as refused:
            await inspect_remote(remote(ways, address, Reach.PUBLIC))
        assert refused.value.message == "git.example has no public address that is known here."
        assert "repo add" in str(refused.value.remedy)
    assert served.asked == []


# redirects


async def test_a_redirect_to_the_repositorys_new_place_is_judged_and_followed(
    served: GitServer, origin: Origin, tmp_path: Path
) -> None:
    served.mood = redirecting(lambda path: path.replace("/moved/here", "/origin.git"))
    ways = network(Names(git_example=[["127.0.0.1"]]))
    to = remote(ways, f"http://git.example:{served.port}/moved/here")
    facts = await inspect_remote(to)
    opened = await repository(to, tmp_path / "cache")
    await opened.fetch()
    head = await opened.commit_files(parent=facts.base_commit, files={"b": b"b"}, message="x", author=ADA)
    await opened.push(commit=head, ref="refs/heads/topic", expected=None)
    assert origin.head("refs/heads/topic") == head


@pytest.mark.parametrize(
    "location",
    [
        "http://10.0.0.1/origin.git{tail}", "http://169.254.169.254/latest/meta-data{tail}", "http://0x7f.1/x{tail}",
        "http://localhost:{port}/origin.git{tail}", "http://other.example:{port}/origin.git{tail}",
        "http://git.example:1/origin.git{tail}", "http://someone:secret@git.example:{port}/origin.git{tail}",
        "http://git.example:{port}/login", "http://git.example:{port}/origin.git{tail}&x=1", "file:///etc{tail}",
        "ssh://git.example/x{tail}", "ext::sh -c true", "//elsewhere.example", "http://[", "\\\\x{tail}", "/moved/again{tail}",
        "http://git.example:{port}/" + "x" * 4000 + "{tail}",
    ],
)  # fmt: skip
async def test_a_redirect_to_anything_else_is_refused_without_saying_where(
    served: GitServer, tmp_path: Path, location: str
) -> None:
    tail = "/info/refs?service=git-upload-pack"
    where = location.replace("{tail}", tail).replace("{port}", str(served.port))
    served.mood = redirecting(lambda _path: where)
    ways = network(Names(git_example=[["127.0.0.1"]], other_example=[["127.0.0.1"]], localhost=[["127.0.0.1"]]))
    to = remote(ways, f"http://git.example:{served.port}/moved/here")
    with pytest.raises(CallerError, match="redirects elsewhere") as refused:
        await inspect_remote(to)
    said = repr((refused.value.message, refused.value.remedy, dict(refused.value.facts)))
    assert where not in said and WORDS not in said
    opened = await repository(to, tmp_path / "cache")
    with pytest.raises(PersonNeeded, match="redirects elsewhere"):
        await opened.fetch()
    assert {path for _, path in served.asked} <= {f"/moved/here{tail}", f"/moved/again{tail}"}


# what servers say


def err_packet(words: str) -> Said:
    line = f"ERR {words}\n".encode()
    body = b"001e# service=git-upload-pack\n0000" + f"{len(line) + 4:04x}".encode() + line
    return Said(200, {"Content-Type": "application/x-git-upload-pack-advertisement"}, body)


SAID = {
    "denied": Said(401, {"WWW-Authenticate": f'Basic realm="{WORDS}"'}, WORDS.encode()),
    "forbidden": Said(403, {"Content-Type": "text/plain"}, WORDS.encode()),
    "absent": Said(404, {"Content-Type": "text/plain"}, WORDS.encode()),
    "broken": Said(503, {"Content-Type": "text/plain"}, WORDS.encode()),
    "no git": Said(200, {"Content-Type": "text/html"}, f"{WORDS}\n".encode() * 9),
    "nonsense": Said(200, {"Content-Type": "application/x-git-upload-pack-advertisement"}, WORDS.encode() * 9),
    "refused": err_packet(WORDS),
    "pretends a full disk": err_packet(f"No space left on device {WORDS}"),
    "pretends with odd line ends": err_packet(f"x\x0bfatal: No space left\x85error: returned error: 401 {WORDS}"),
}


@pytest.mark.parametrize("what", sorted(SAID))
async def test_no_error_repeats_what_a_server_says(served: GitServer, tmp_path: Path, what: str) -> None:
    served.mood = lambda _path: SAID[what]
    ways = network()
    to = remote(ways, f"http://127.0.0.1:{served.port}/origin.git")
    opened = await repository(to, tmp_path / "cache")
    for use in (inspect_remote(to), opened.fetch(), opened.remote_ref("refs/heads/main"),
                opened.push(commit=None, ref="refs/heads/main", expected="a" * 40)):  # fmt: skip
        with pytest.raises(ChangelineError) as failed:
            await use
        error = failed.value
        assert WORDS not in repr((error.message, dict(error.facts), getattr(error, "remedy", "")))
        assert getattr(error, "reason", None) is not PauseReason.MACHINE_SHORT
        assert served.asked


async def test_a_server_that_drips_is_given_up_within_the_limit_of_a_look() -> None:
    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        with suppress(OSError):
            while True:
                writer.write(b"0")
                await writer.drain()
                await asyncio.sleep(0.02)
        writer.close()
        gone.set()

    gone = asyncio.Event()
    async with await asyncio.start_server(drip, "127.0.0.1", 0) as server:
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x.git"
        ways = network(look_timeout_s=0.5)
        with pytest.raises(CallerError, match=r"did not answer within 0\.5 s"):
            await inspect_remote(remote(ways, address))
        await gone.wait()


# proxies, old gits, paths


@pytest.mark.parametrize("spared", ["", "example,git.example"])
async def test_behind_a_proxy_private_addresses_are_refused_all_the_same(served: GitServer, spared: str) -> None:
    proxy = {"http_proxy": f"http://127.0.0.1:{served.port}", "no_proxy": spared}
    ways = network(Names(inside_example=[["10.0.0.1"]]), environment=proxy)
    for host in ("10.0.0.1", "127.0.0.1", METADATA, "[::1]", "inside.example"):
        with pytest.raises(NotPublic):
            await inspect_remote(remote(ways, f"http://{host}/x.git", Reach.PUBLIC))
    assert served.asked == []
    with pytest.raises(CallerError):
        await inspect_remote(remote(ways, "http://git.example/x.git", Reach.PUBLIC))
    assert bool(served.asked) is not bool(spared), "only the proxy resolves this name, unless it is spared"


async def test_a_git_that_cannot_be_told_addresses_is_refused_by_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "git"
    old.write_text("#!/bin/sh\necho git version 2.36.6\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    ways = network()
    with pytest.raises(CallerError, match=r"Git 2\.36 cannot"):
        await inspect_remote(remote(ways, "http://127.0.0.1/x.git"))


async def test_an_address_that_older_versions_accepted_needs_a_person(tmp_path: Path) -> None:
    opened = await repository(remote(network(), "git://git.example/x.git"), tmp_path)
    with pytest.raises(PersonNeeded, match="git://") as paused:
        await opened.fetch()
    assert "https" in str(paused.value.facts["remedy"])


async def test_a_hook_of_a_server_that_says_no_needs_a_person_and_its_words_stay_marked(
    served: GitServer, origin: Origin, tmp_path: Path
) -> None:
    hook = origin.path / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nprintf 'policy \\033[31m%05000d\\n' 7 >&2\nexit 1\n")
    hook.chmod(0o755)
    opened = await repository(remote(network(), f"http://127.0.0.1:{served.port}/origin.git"), tmp_path / "cache")
    await opened.fetch()
    head = await opened.branch_head("main")
    with pytest.raises(PersonNeeded) as paused:
        await opened.push(commit=head, ref="refs/heads/x", expected=None)
    assert paused.value.reason is PauseReason.DELIVERY_FAILED
    assert "(untrusted): “[remote rejected] (pre-receive hook declined)”" in paused.value.message
    words = str(paused.value.facts["untrusted_answer"])
    assert words.startswith("policy [31m000")
    assert words.isprintable()
    assert len(words) <= 300


def test_each_tenant_has_caches_of_its_own(tmp_path: Path) -> None:
    places = {cache_below(tmp_path, tenant=tenant, owner="default") for tenant in ("default", "one", "two")}
    assert len(places) == 3 and tmp_path in places
    for odd in ("../x", "a/b", "", "."):
        with pytest.raises(InvariantBroken):
            cache_below(tmp_path, tenant=odd, owner="default")


@pytest.mark.parametrize("other", ["changeline", "changeline/cr-1/mine"])
async def test_a_branch_of_a_server_in_the_way_of_ours_is_named_instead_of_a_lost_race(
    served: GitServer, origin: Origin, tmp_path: Path, other: str
) -> None:
    opened = await repository(remote(network(), f"http://127.0.0.1:{served.port}/origin.git"), tmp_path / "cache")
    await opened.fetch()
    head = await opened.branch_head("main")
    origin.commit({"b": b"b"}, branch=other)
    with pytest.raises(PersonNeeded) as paused:
        await opened.push(commit=head, ref="refs/heads/changeline/cr-1", expected=None)
    assert paused.value.reason is PauseReason.DELIVERY_FAILED
    assert f"`{other}`" in paused.value.message and "Rename or delete" in paused.value.message


async def test_a_push_that_a_hook_refuses_for_want_of_a_sign_off_says_which_setting_helps(
    served: GitServer, origin: Origin, tmp_path: Path
) -> None:
    hook = origin.path / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'DCO: this commit lacks Signed-off-by' >&2\nexit 1\n")
    hook.chmod(0o755)
    ways = network(Names(git_example=[["127.0.0.1"]]), allowed=[f"git.example:{served.port}"])
    cache = await repository(remote(ways, f"http://git.example:{served.port}/origin.git"), tmp_path / "cache")
    await cache.fetch()
    base = origin.head("refs/heads/main")
    assert base is not None
    head = await cache.commit_files(parent=base, files={"a": b"b"}, message="x", author=ADA)
    with pytest.raises(PersonNeeded) as refused:
        await cache.push(commit=head, ref="refs/heads/changeline/x", expected=None)
    assert "CHANGELINE_GIT__SIGN_OFF=true" in refused.value.message
    assert "lacks Signed-off-by" in str(refused.value.facts["untrusted_answer"])
