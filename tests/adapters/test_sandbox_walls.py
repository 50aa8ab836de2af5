"""Attacks from inside bubblewrap: sockets, secrets, files, links, processes and memory."""

import asyncio
import json
import multiprocessing
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pipeline.adapters.environments.toolchains import toolchain_paths
from pipeline.adapters.network.egress_proxy import EgressProxy
from pipeline.adapters.sandbox.bubblewrap import Bubblewrap
from pipeline.errors import InvariantBroken, PersonNeeded
from pipeline.ports import CommandResult, SandboxCommand
from pipeline.settings.process import SandboxSettings
from tests.adapters.conftest import SETTINGS, alive, interpreter

CANARY = "canary-7f3a"

REACH_EVERYTHING = """
import json, socket, sys
reached = []
for family, address in json.load(sys.stdin):
    if isinstance(address, list): address = tuple(address)
    if isinstance(address, str) and address.startswith("@"): address = "\\0" + address[1:]
    s = socket.socket(family); s.settimeout(0.3)
    try:
        s.connect(address); reached.append(repr(address))
    except OSError: pass
    s.close()
print("REACHED", reached)
"""


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[list[tuple[int, object]]]:
    """Sockets of this test, and every other one that the machine listens on."""
    with ExitStack() as stack:
        four, six = socket.create_server(("127.0.0.1", 0)), socket.create_server(("::1", 0), family=socket.AF_INET6)
        plain, hidden = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        for one in (four, six, plain, hidden):
            stack.callback(one.close)
        path = tmp_path / "data" / "s"
        path.parent.mkdir(exist_ok=True)
        plain.bind(str(path))
        path.chmod(0o777)
        hidden.bind(f"\0changeline-test-{os.getpid()}")
        for one in (plain, hidden):
            one.listen()
        yield [
            (socket.AF_UNIX, str(path)),
            (socket.AF_UNIX, f"@changeline-test-{os.getpid()}"),
            *((socket.AF_INET, ["127.0.0.1", port]) for port in _listening_ports("tcp")),
            *((socket.AF_INET6, ["::1", port]) for port in _listening_ports("tcp6")),
            *((socket.AF_UNIX, name) for name in _unix_sockets()),
        ]


def _listening_ports(table: str) -> list[int]:
    rows = [line.split() for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
    return [int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A"]


def _unix_sockets() -> list[str]:
    rows = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    return sorted({row[7] for row in rows if len(row) > 7})


async def _python(sandbox: Bubblewrap, tree: Path, code: str, stdin: bytes | None = None) -> CommandResult:
    python = interpreter()
    return await sandbox.run(
        SandboxCommand(
            argv=(str(python), "-c", code),
            cwd=tree,
            writable=(tree,),
            read_only=toolchain_paths(python),
            stdin=stdin,
            timeout_s=60,
        )
    )


async def _shell(sandbox: Bubblewrap, tree: Path, script: str, **more: object) -> CommandResult:
    return await sandbox.run(SandboxCommand(argv=("/bin/bash", "-c", script), cwd=tree, writable=(tree,), **more))  # type: ignore[arg-type]  # forwarded options


async def test_no_listening_socket_of_the_machine_is_reached(
    bubblewrap: Bubblewrap, tree: Path, listening: list[tuple[int, object]]
) -> None:
    assert len(listening) >= 4
    result = await _python(bubblewrap, tree, REACH_EVERYTHING, json.dumps(listening).encode())
    assert result.output == "REACHED []\n"


SECRETS = (
    "env",
    "cat /proc/1/environ | tr '\\0' '\\n'",
    "cat /proc/*/environ | tr '\\0' '\\n'",
    "cat /proc/*/cmdline | tr '\\0' '\\n'",
    "cat /proc/$PPID/environ /proc/$PPID/maps",
    "ls -la /proc/1/fd/ /proc/*/fd/ && cat /proc/1/fd/[3-9]",
    "cat /proc/1/root{data}/secret /proc/*/root{data}/secret",
    "cat /proc/1/cwd/../secret /proc/*/cwd/../../secret",
    "cat {data}/secret",
    "cat ../../secret ../secret",
    "cat {data}/cache/config",
    "cat {tree}/../two/secret; ls {tree}/..",
    "cat {home}/.ssh/id_ed25519 ~/.ssh/id_ed25519",
    "cat {home}/.aws/credentials ~/.aws/credentials",
    "cat {home}/.git-credentials {home}/.netrc {home}/.config/gh/hosts.yml",
    "git config --list --show-origin; git credential fill <<< $'protocol=https\\nhost=github.com\\n'",
    "ln -s {data}/secret link && cat link",
    "ln -s / all && cat all{data}/secret",
    "ln {data}/secret hard && cat hard",
    "grep -rs canary-7f3a / --include=secret --include=credentials --include='id_*' --exclude-dir=proc",
    "find / -xdev -name '*secret*' -newer /etc/passwd -exec cat {{}} +",
    "cat /etc/shadow /etc/gshadow ~root/.bash_history /var/run/secrets/kubernetes.io/serviceaccount/token",
    "cat /etc/pip.conf /etc/npmrc /etc/maven/settings.xml",
    "strings /proc/kcore | head; cat /dev/mem; dmesg",
    "mount --bind / /mnt; mount -t proc proc /mnt; unshare -Urm cat {data}/secret",
    "chroot /proc/1/root cat {data}/secret; nsenter -t 1 -a cat {data}/secret",
    "ls /tmp /var/tmp /dev/shm && cat /tmp/{name} /dev/shm/{name}",
)


@pytest.mark.parametrize("attempt", SECRETS)
async def test_no_secret_of_the_machine_is_read(
    bubblewrap: Bubblewrap, tree: Path, home: Path, monkeypatch: pytest.MonkeyPatch, attempt: str
) -> None:
    data = tree.parent.parent
    planted = (
        *(home / name for name in (".ssh/id_ed25519", ".aws/credentials", ".git-credentials", ".netrc")),
        *(home / name for name in (".config/gh/hosts.yml", ".gitconfig")),
        *(data / name for name in ("secret", "cache/config", "worktrees/two/secret", "worktrees/secret")),
    )
    for path in planted:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"[credential]\n\thelper = {CANARY}\n")
    for name in ("ANTHROPIC_API_KEY", "GITHUB_TOKEN", "CHANGELINE_DATABASE__URL"):
        monkeypatch.setenv(name, CANARY)
    shared = Path("/dev/shm") / f"{CANARY}-{os.getpid()}"
    shared.write_text(CANARY)
    try:
        script = attempt.format(data=data, tree=tree, home=home, name=shared.name)
        result = await _shell(bubblewrap, tree, script + " 2>/dev/null || true", timeout_s=60.0)
    finally:
        shared.unlink()
    assert CANARY not in result.output
    assert not result.timed_out


@pytest.mark.parametrize(
    "place",
    [
        "/usr/x",
        "/etc/x",
        "/etc/passwd",
        "/x",
        "/dev/x",
        "/proc/sys/kernel/core_pattern",
        "/proc/sysrq-trigger",
        "/run/x",
    ],
)
async def test_nothing_of_the_system_is_written(bubblewrap: Bubblewrap, tree: Path, place: str) -> None:
    assert (await _shell(bubblewrap, tree, f"echo harmless > {place}")).exit_code != 0


async def test_nothing_outside_the_worktree_changes_on_the_machine(
    bubblewrap: Bubblewrap, tree: Path, tmp_path: Path
) -> None:
    tool = tmp_path / "tool"
    tool.mkdir()
    tool.chmod(0o777)
    script = f"for place in {tree}/.. {tree}/../.. {tool} {tmp_path} /tmp /var/tmp /home; do touch $place/escaped; done"
    await _shell(bubblewrap, tree, script, read_only=(tool,))
    assert list(tmp_path.rglob("escaped")) == []
    assert not any((Path(place) / "escaped").exists() for place in ("/tmp", "/var/tmp", "/home"))


async def test_a_planted_link_does_not_turn_into_a_mount(bubblewrap: Bubblewrap, tree: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("untouched")
    await _shell(bubblewrap, tree, f"ln -s {outside} node_modules; ln -s {outside} sub")
    for command in (
        SandboxCommand(argv=("true",), cwd=tree, writable=(tree, tree / "sub")),
        SandboxCommand(argv=("true",), cwd=tree, writable=(tree,), read_only=(tree / "sub",)),
    ):
        with pytest.raises(InvariantBroken):
            await bubblewrap.run(command)
    assert (outside / "kept").read_text() == "untouched"


async def test_handing_a_tree_to_a_command_follows_no_link_and_spares_shared_files(
    bubblewrap: Bubblewrap, tree: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("owner stays")
    shared = tmp_path / "object"
    shared.write_text("also in the git cache")
    shared.chmod(0o444)
    (tree / "link").symlink_to(outside)
    (tree / "object").hardlink_to(shared)
    before = outside.stat().st_uid
    result = await _shell(bubblewrap, tree, "chmod 777 object && echo broken > object")
    assert outside.stat().st_uid == before
    assert shared.stat().st_uid == os.geteuid()
    if os.geteuid() == 0:
        assert result.exit_code != 0
        assert shared.read_text() == "also in the git cache"


async def test_the_pipelines_own_directories_are_covered_even_inside_a_shown_one(
    bubblewrap: Bubblewrap, tree: Path, tmp_path: Path
) -> None:
    data = tree.parent.parent
    (data / "secret").write_text(CANARY)
    result = await _shell(bubblewrap, tree, f"cat {data}/secret; ls -A {data} {tree}", read_only=(tmp_path,))
    assert CANARY not in result.output
    for command in (
        SandboxCommand(argv=("true",), cwd=data, writable=(data,)),
        SandboxCommand(argv=("true",), cwd=data, writable=(tmp_path,)),
        SandboxCommand(argv=("true",), cwd=tree, writable=(tree,), read_only=(data,)),
        SandboxCommand(argv=("true",), cwd=tree, writable=(Path("/"),)),
    ):
        with pytest.raises(InvariantBroken):
            await bubblewrap.run(command)


async def test_the_payload_has_no_privileges_and_gains_none(bubblewrap: Bubblewrap, tree: Path) -> None:
    result = await _shell(
        bubblewrap, tree, "id -u; grep -E '^(Cap|NoNewPrivs|Seccomp:|Groups)' /proc/self/status; ls /proc/self/fd"
    )
    lines = result.output.split("\n")
    assert int(lines[0]) not in (0, os.geteuid())
    status = dict(line.split(":", 1) for line in lines if ":" in line)
    assert {value.strip() for name, value in status.items() if name.startswith("Cap")} == {"0" * 16}
    assert status["NoNewPrivs"].strip() == "1"
    assert status["Seccomp"].strip() == "2"
    assert lines[-5:] == ["0", "1", "2", "3", ""]


FORBIDDEN = (
    "unshare -U true",
    "unshare -r -m true",
    "bwrap --unshare-all --ro-bind / / true",
    'python3 -c "import socket; socket.socket(40)"',
    "mount -t tmpfs none /tmp",
    "kill -9 1 && sleep 1 && false",
)


@pytest.mark.parametrize("attempt", FORBIDDEN)
async def test_namespaces_mounts_and_strange_sockets_are_refused(
    bubblewrap: Bubblewrap, tree: Path, attempt: str
) -> None:
    assert (await _shell(bubblewrap, tree, attempt)).exit_code not in {0, 137}


@pytest.mark.thorough
async def test_a_fork_bomb_stays_within_its_limit(bubblewrap: Bubblewrap, tree: Path) -> None:
    script = "for i in $(seq 400); do sleep 30 & done 2>/dev/null; ls -d /proc/[0-9]* | wc -l"
    result = await _shell(bubblewrap, tree, script)
    assert result.exit_code != 0 or int(result.output.split()[-1]) <= SETTINGS.processes_max + 8


async def test_one_process_cannot_take_more_memory_than_allowed(bubblewrap: Bubblewrap, tree: Path) -> None:
    result = await _python(bubblewrap, tree, "x = bytearray(2 * 10**9)")
    assert result.exit_code == 1
    assert "MemoryError" in result.output


@pytest.mark.parametrize(
    "hog",
    [
        "import os,time\nfor _ in range(3): os.fork()\nx = bytearray(b'x') * (150 * 10**6)\ntime.sleep(60)",
        "import mmap,time\nx = mmap.mmap(-1, 2 * 10**9)\nfor i in range(0, len(x), 4096): x[i] = 1\ntime.sleep(60)",
    ],
    ids=["many processes", "shared memory"],
)
async def test_a_tree_that_takes_too_much_memory_is_killed(bubblewrap: Bubblewrap, tree: Path, hog: str) -> None:
    result = await _python(bubblewrap, tree, hog)
    assert result.exit_code == 137
    assert not result.timed_out
    assert "more memory than allowed" in result.output


async def test_files_and_scratch_space_are_limited(bubblewrap: Bubblewrap, tree: Path) -> None:
    result = await _shell(bubblewrap, tree, "head -c 100000000 /dev/zero > big; ls -l big | cut -d' ' -f5")
    assert (tree / "big").stat().st_size <= SETTINGS.file_max_bytes
    result = await _shell(bubblewrap, tree, "ulimit -c; touch ~/x /tmp/x /dev/shm/x && rm ~/x && df -k /tmp | tail -1")
    assert result.output.startswith("0\n")
    assert int(result.output.split()[2]) * 1024 <= SETTINGS.memory_max_bytes


async def test_scratch_space_is_gone_with_the_command(bubblewrap: Bubblewrap, tree: Path) -> None:
    await _shell(bubblewrap, tree, "touch ~/left /tmp/left /dev/shm/left")
    assert "left" not in (await _shell(bubblewrap, tree, "ls -A ~ /tmp /dev/shm")).output


async def test_variables_reach_the_payload_only_after_privileges_are_gone(bubblewrap: Bubblewrap, tree: Path) -> None:
    command = SandboxCommand(
        argv=("/bin/true",), cwd=tree, writable=(tree,), environment={"LD_PRELOAD": str(tree / "evil.so")}
    )
    assert (await bubblewrap.run(command)).output.count("cannot be preloaded") == 1


async def test_a_toolchain_below_a_closed_home_works_read_only(
    bubblewrap: Bubblewrap, tree: Path, tmp_path: Path
) -> None:
    home = tmp_path / "someone"
    versions = home / ".tools" / "versions" / "1.2"
    (versions / "bin").mkdir(parents=True)
    program = versions / "bin" / "hello"
    program.write_text('#!/bin/sh\ncat "$(dirname "$0")/../greeting"\n')
    program.chmod(0o755)
    (versions / "greeting").write_text("hello from below a closed home\n")
    (home / "secret").write_text(CANARY)
    home.chmod(stat.S_IRWXU)
    shims = home / "shims"
    shims.mkdir()
    (shims / "hello").symlink_to(program)
    shown = toolchain_paths(shims / "hello")
    assert shown == (versions,)
    command = SandboxCommand(argv=(str(program),), cwd=tree, writable=(tree,), read_only=shown)
    assert (await bubblewrap.run(command)).output == "hello from below a closed home\n"
    peek = await _shell(bubblewrap, tree, f"cat {home}/secret; touch {versions}/x", read_only=shown)
    assert peek.exit_code != 0
    assert CANARY not in peek.output


async def test_our_own_interpreter_works_inside(bubblewrap: Bubblewrap, tree: Path) -> None:
    result = await _python(bubblewrap, tree, "import ssl, sqlite3, venv, sys; print(sys.version_info[0])")
    assert (result.exit_code, result.output) == (0, "3\n")


def test_a_program_in_a_home_shows_itself_and_not_the_home(home: Path) -> None:
    for place in (home / "bin", home / ".local" / "bin", home / ".cargo" / "bin"):
        place.mkdir(parents=True)
        program = place / "gradle"
        program.write_text("#!/bin/sh\n")
        assert toolchain_paths(program) == (program.resolve(),)
    assert toolchain_paths(Path("/usr/bin/env")) == ()


def _work(tree: Path) -> None:
    async def run() -> None:
        sandbox = Bubblewrap(SandboxSettings(), EgressProxy(()), hidden=())
        await sandbox.probe()
        script = "(setsid sleep 612306 &); touch started; sleep 612306"
        await sandbox.run(SandboxCommand(argv=("/bin/sh", "-c", script), cwd=tree, writable=(tree,), timeout_s=600))

    asyncio.run(run())


async def test_tools_die_with_a_worker_that_is_killed(bubblewrap: Bubblewrap, tree: Path) -> None:
    worker = multiprocessing.get_context("fork").Process(target=_work, args=(tree,))
    # From a thread, because the running event loop of this one would go along into the child.
    await asyncio.to_thread(worker.start)
    try:
        while not (tree / "started").exists():
            assert worker.is_alive()
            await asyncio.sleep(0.01)
    finally:
        worker.kill()
        worker.join()
    async with asyncio.timeout(20):
        while alive("sleep 612306"):
            await asyncio.sleep(0.01)


async def test_nothing_runs_before_the_check_has_succeeded(tree: Path) -> None:
    unchecked = Bubblewrap(SETTINGS, EgressProxy(()), hidden=())
    assert not unchecked.isolation().active
    with pytest.raises(PersonNeeded):
        await unchecked.run(SandboxCommand(argv=("true",), cwd=tree, writable=(tree,)))
