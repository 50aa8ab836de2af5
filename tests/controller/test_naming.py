"""Who may name which repository: the same answer whether something is there or not, and nothing done before it."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from controller.wiring import Place
from pipeline.access import Role
from pipeline.adapters.git.network import network_of
from pipeline.adapters.git.remotes import inspect_remote
from pipeline.adapters.git.runner import GitCommands
from pipeline.change_request import Reach
from pipeline.ports import RemoteFacts
from pipeline.settings.process import GitSettings, ProcessSettings
from tests.addresses import NEVER, ODD_SPELLINGS, OWN, PRIVATE
from tests.controller.conftest import Controller, Starter, submission
from tests.controller.fakes import ScriptedInspector
from tests.database import TestDatabase
from tests.line.repositories import SampleRepository

FILES = {"calc.py": "x = 1\n", "tests/test_calc.py": "def test_x():\n    pass\n"}
TABLES = ("change_requests", "repositories", "audit_log", "events")
OTHER = "INSERT INTO tenants (id, name) VALUES ('other', 'Other')"
Tokens = Callable[..., str]


class RealLook(ScriptedInspector):
    """Looks at remotes as the product does, and takes the rest for granted."""

    def __init__(self, git: GitSettings) -> None:
        super().__init__()
        self._commands = GitCommands(timeout_s=20)
        self._network = network_of(ProcessSettings(_env_file=None, git=git), self._commands)

    async def inspect(
        self, place: Place, base_branch: str | None, test_command: str | None, behaviour_path: str | None = None
    ) -> Any:
        await self._look(place, base_branch)
        return await super().inspect(place, base_branch, test_command, behaviour_path)

    async def _look(self, place: Place, base_branch: str | None) -> RemoteFacts:
        to = self._network.remote(place.remote, tenant=place.tenant, reach=place.reach)
        return await inspect_remote(to, base_branch=base_branch)


@contextmanager
def looking(start: Starter, **git: Any) -> Iterator[Controller]:
    settings = GitSettings(look_timeout_s=5, **git)
    with start.running(inspector=RealLook(settings), groups={"git": settings}) as controller:
        yield controller


@pytest.fixture
def other_tenant(database: TestDatabase) -> None:
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute(OTHER)


def submit(client: Any, repository: object) -> Any:
    return client.post("/api/v1/change-requests", json=submission(repositories=[repository]))


def test_an_operator_names_no_path_and_learns_nothing_about_paths(
    start: Starter, token_of: Tokens, tmp_path: Path
) -> None:
    sample = SampleRepository.create(tmp_path / "sums", FILES)
    with looking(start) as controller:
        operator, before = controller.client(token_of("olga", Role.OPERATOR)), controller.count(*TABLES)
        paths = (
            sample.path,
            tmp_path / "not-there",
            "/var/lib/x",
            "/etc/passwd",
            f"file://{sample.path}",
            "/proc/1/root",
            "/",
        )
        answers = [submit(operator, str(path)) for path in paths]
        assert {answer.status_code for answer in answers} == {403}
        (problem,) = {answer.text for answer in answers}
        assert "repositories.0" in problem and "repo add" in problem and "LOCAL_PATHS" in problem
        assert (controller.count(*TABLES), controller.inspector.places) == (before, [])
        assert submit(controller.client(), str(sample.path)).status_code == 202
        assert submit(operator, str(sample.path)).status_code == 202
        assert submit(operator, f"file://{sample.path}").status_code == 202
        assert submit(operator, "sums").status_code == 202
        assert controller.count("repositories") == [1]


def test_an_admins_path_is_registered_on_the_way_and_audited(start: Starter, tmp_path: Path) -> None:
    sample = SampleRepository.create(tmp_path / "sums", FILES)
    with looking(start) as controller:
        submit(controller.client(), str(sample.path))
        submit(controller.client(), str(sample.path))
        with psycopg.connect(controller.database.superuser_url) as connection:
            notes = connection.execute(
                "SELECT actor, target, facts FROM audit_log WHERE action = 'repository_registered'"
            )
            assert notes.fetchall() == [("local", "sums", {"remote": str(sample.path), "on_the_way": True})]
            stored = connection.execute("SELECT settings->>'reach' FROM repositories").fetchone()
            frozen = connection.execute("SELECT DISTINCT target->>'reach' FROM change_request_repositories").fetchone()
        assert (stored, frozen) == (("private",), ("private",))


def test_an_operators_public_address_is_frozen_and_not_registered(controller: Controller, token_of: Tokens) -> None:
    controller.submit(repositories=["https://git.example/team/sample.git"])
    operator = controller.client(token_of("olga", Role.OPERATOR))
    asked = {"remote": "https://git.example/evil/sample.git", "test_command": "true", "merge_strategy": "squash"}
    first, again = (submit(operator, asked).json()["repositories"][0] for _ in range(2))
    assert first["name"] == again["name"] != "sample" and first["name"].startswith("sample-")
    assert (first["remote"], first["test_command"]) == (asked["remote"], "true")
    named = submit(operator, {**asked, "name": "sample"}).json()["repositories"][0]
    assert named["name"] == first["name"], "nobody borrows a name"
    listed = controller.client().get("/api/v1/repositories").json()["items"]
    assert [(one["name"], one["remote"], one["test_command"]) for one in listed] == [
        ("sample", "https://git.example/team/sample.git", None)
    ]
    branch = {"remote": "https://git.example/team/sample.git", "base_branch": "next", "test_command": "make"}
    other_branch = submit(operator, branch).json()["repositories"][0]
    assert (other_branch["name"], other_branch["base_branch"]) == ("sample", "next")
    assert controller.count("repositories") == [1]
    assert {place.reach for place in controller.inspector.places} == {Reach.PUBLIC}


def _corpus() -> list[str]:
    hosts = [f"[{one}]" if ":" in one else one for one in (*PRIVATE, *OWN, *NEVER)] + ["localhost", "LOCALHOST."]
    literal = [one for one in hosts if "%" not in one]
    return [f"http://{host}:{{port}}/x.git" for host in literal] + [
        f"ssh://git@{host}:{{port}}/x" for host in literal[::5]
    ]


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.thorough)])
def test_no_door_opens_a_way_to_private_addresses_for_an_operator(start: Starter, token_of: Tokens, every: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as here, looking(start) as controller:
        port = here.getsockname()[1]
        operator, before = controller.client(token_of("olga", Role.OPERATOR)), controller.count(*TABLES)
        for address in _corpus()[::every]:
            answer = submit(operator, address.format(port=port))
            assert (answer.status_code, answer.json()["field"]) == (403, "repositories.0"), address
            assert "known here" in answer.json()["detail"]
        for host in ODD_SPELLINGS:
            answer = submit(operator, f"http://{host}:{port}/x.git")
            assert answer.status_code in {403, 422}, host
        for address in (f"git://127.0.0.1:{port}/x", f"ftp://127.0.0.1:{port}/x", "ext::sh -c true", "fd::3",
                        f"http://127.0.0.1:{port}?/x.git", f"http://a.example\\@127.0.0.1:{port}/x"):  # fmt: skip
            assert submit(operator, address).status_code == 422, address
        assert controller.count(*TABLES) == before
        here.setblocking(False)
        with pytest.raises(BlockingIOError):
            here.accept()


@pytest.mark.usefixtures("other_tenant")
def test_registering_and_checking_obey_the_same_policy(start: Starter, token_of: Tokens, tmp_path: Path) -> None:
    sample = SampleRepository.create(tmp_path / "sums", FILES)
    with looking(start) as controller:
        admin, theirs = controller.client(), controller.client(token_of("tina", Role.ADMIN, tenant="other"))
        for address in ("http://169.254.169.254/x.git", "http://[fe80::1]/x.git", "http://[64:ff9b:1::7f00:1]/x.git"):
            answer = admin.post("/api/v1/repositories", json={"remote": address})
            assert (answer.status_code, answer.json()["field"]) == (422, "remote"), address
        for address in (
            str(sample.path),
            "http://127.0.0.1:1/x.git",
            "http://10.0.0.1/x.git",
            "http://localhost:1/x.git",
        ):
            answer = theirs.post("/api/v1/repositories", json={"remote": address})
            assert answer.status_code == 403, address
            assert submit(theirs, address).status_code == 403
        with psycopg.connect(controller.database.superuser_url) as connection:
            connection.execute(
                "INSERT INTO repositories (tenant_id, name, remote, base_branch, settings) VALUES "
                "('default', 'turned', 'http://127.0.0.1:1/x.git', 'main', '{\"reach\": \"public\"}'), "
                "('default', 'older', 'http://127.0.0.1:1/y.git', 'main', '{}')"
            )
        assert admin.post("/api/v1/repositories/turned/check").status_code == 403
        older = admin.post("/api/v1/repositories/older/check")
        assert (older.status_code, "cannot be reached" in older.text) == (422, True)


@pytest.mark.usefixtures("other_tenant")
def test_no_tenant_reaches_a_path_of_another_under_any_spelling(
    start: Starter, token_of: Tokens, tmp_path: Path
) -> None:
    opened = tmp_path / "opened"
    opened.mkdir()
    ours, theirs_own = SampleRepository.create(opened / "ours", FILES), SampleRepository.create(opened / "own", FILES)
    ours.git("worktree", "add", "-q", str(opened / "linked"), "-b", "side")
    (opened / "alias").symlink_to(ours.path)
    with looking(start, local_paths=(opened,)) as controller:
        assert submit(controller.client(), str(ours.path)).status_code == 202
        admin = controller.client(token_of("tina", Role.ADMIN, tenant="other"))
        operator = controller.client(token_of("otto", Role.OPERATOR, tenant="other"))
        spellings = (ours.path, ours.path / ".git", opened / "alias", opened / "linked", f"{opened}/own/../ours",
                     f"file://{ours.path}", f"/{ours.path}", f"{ours.path}/")  # fmt: skip
        answers = [submit(client, str(path)) for client in (admin, operator) for path in spellings]
        answers += [admin.post("/api/v1/repositories", json={"remote": str(path)}) for path in spellings]
        assert {answer.status_code for answer in answers} == {403}
        assert not [answer for answer in answers if "default" in answer.text]
        assert submit(operator, str(theirs_own.path)).status_code == 202
        assert admin.get("/api/v1/repositories").json()["items"] == []
        assert submit(admin, str(theirs_own.path)).status_code == 202
        assert [one["name"] for one in admin.get("/api/v1/repositories").json()["items"]] == ["own"]
        assert submit(controller.client(), str(theirs_own.path)).status_code == 403
        assert submit(controller.client(), "ours").status_code == 202


def test_an_installation_may_open_hosts_for_everybody(start: Starter, token_of: Tokens) -> None:
    with socket.create_server(("127.0.0.1", 0)) as here:
        port = here.getsockname()[1]
        with looking(start, private_hosts=(f"localhost:{port}",)) as controller:
            operator = controller.client(token_of("olga", Role.OPERATOR))
            assert submit(operator, "http://localhost:1/x.git").status_code == 403
            late = submit(operator, f"http://localhost:{port}/x.git")
            assert (late.status_code, late.json()["field"]) == (422, "repositories.0")
            assert "did not answer within 5 s" in late.json()["detail"]
