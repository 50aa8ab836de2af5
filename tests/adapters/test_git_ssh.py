"""Git over ssh goes to the judged address, under the names by which keys are known and the account's own configuration.

The ssh of these tests answers `ssh -G` as it is told, writes down its arguments, and runs what the far side would run.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.adapters.git import ssh_transport
from pipeline.adapters.git.network import GitNetwork
from pipeline.adapters.git.remotes import inspect_remote
from pipeline.adapters.git.runner import GitCommands
from pipeline.adapters.network.addresses import AddressPolicy
from pipeline.change_request import Reach
from pipeline.errors import CallerError
from pipeline.ports import NotPublic
from pipeline.repositories.local_places import LocalPlaces
from pipeline.repositories.remote_address import RemoteAddress
from tests.adapters.git_world import Origin, make_origin

SSH = """#!/usr/bin/env python3
import json, pathlib, subprocess, sys
here = pathlib.Path(__file__).parent
with (here / "calls").open("a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
if "-G" in sys.argv:
    print((here / "effective").read_text())
    sys.exit()
sys.exit(subprocess.run(["sh", "-c", sys.argv[-1]]).returncode)
"""


@dataclass
class FakeSsh:
    directory: Path

    def says(self, *lines: str) -> None:
        (self.directory / "effective").write_text("\n".join(lines))

    @property
    def calls(self) -> list[list[str]]:
        log = self.directory / "calls"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    @property
    def connections(self) -> list[list[str]]:
        return [call for call in self.calls if "-G" not in call]


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSsh:
    directory = tmp_path / "bin"
    directory.mkdir()
    (directory / "ssh").write_text(SSH)
    (directory / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", str(directory), prepend=":")
    return FakeSsh(directory)


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    made = make_origin(tmp_path / "served")
    made.commit({"a": b"a"})
    return made


def ways(answers: Sequence[str] = ("93.184.216.34",), allowed: Sequence[str] = ()) -> GitNetwork:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return answers

    return GitNetwork(
        GitCommands(timeout_s=30), policy=AddressPolicy(allowed, resolve=resolve), places=LocalPlaces(owner="default")
    )


async def look(network: GitNetwork, address: str, reach: Reach = Reach.PUBLIC) -> str:
    to = network.remote(address, tenant="default", reach=reach)
    return (await inspect_remote(to)).base_commit


@pytest.mark.parametrize(
    ("address", "effective", "alias"),
    [
        ("git@git.example:{path}", ("hostname git.example", "port 22"), "git.example"),
        ("ssh://git@git.example:2222{path}", ("hostname git.example", "port 2222"), "[git.example]:2222"),
        ("work:{path}", ("hostname git.example", "port 22", "hostkeyalias known"), "known"),
        ("work:{path}", ("hostname Git.Example.", "port 7999", "proxycommand none"), "[git.example]:7999"),
    ],
)
async def test_the_connection_goes_to_the_judged_address_and_the_key_is_that_of_the_name(
    ssh: FakeSsh, origin: Origin, address: str, effective: tuple[str, ...], alias: str
) -> None:
    ssh.says("user git", *effective)
    assert await look(ways(), address.format(path=origin.path)) == origin.head("refs/heads/main")
    (call,) = ssh.connections
    assert {"-oHostName=93.184.216.34", f"-oHostKeyAlias={alias}", "-oControlPath=none", "-oProxyCommand=none"} <= set(
        call
    )
    assert "-oBatchMode=yes" in call


@pytest.mark.parametrize("answer", ["10.0.0.1", "127.0.0.1", "169.254.169.254", "::1", "64:ff9b:1::7f00:1"])
async def test_a_host_that_is_not_public_is_refused_without_a_connection(
    ssh: FakeSsh, origin: Origin, answer: str
) -> None:
    ssh.says("hostname git.example", "port 22")
    with pytest.raises(NotPublic):
        await look(ways([answer]), f"git@git.example:{origin.path}")
    ssh.says(f"hostname {answer}", "port 22")
    with pytest.raises(NotPublic):
        await look(ways(), f"git@innocent.example:{origin.path}")
    assert ssh.calls and ssh.connections == []


async def test_an_odd_spelling_in_the_configuration_is_refused(ssh: FakeSsh, origin: Origin) -> None:
    for host in ("0x7f.1", "2130706433", "fe80::1%eth0"):
        ssh.says(f"hostname {host}", "port 22")
        with pytest.raises(CallerError, match="plainly"):
            await look(ways(), f"git@innocent.example:{origin.path}", Reach.PRIVATE)
    assert ssh.connections == []


@pytest.mark.parametrize("way", ["proxyjump bastion.example", "proxycommand nc %h %p"])
async def test_a_way_of_its_own_needs_an_administrators_word(ssh: FakeSsh, origin: Origin, way: str) -> None:
    ssh.says("hostname git.example", "port 22", way)
    with pytest.raises(NotPublic):
        await look(ways(), f"git@git.example:{origin.path}")
    assert ssh.connections == []
    await look(ways(), f"git@git.example:{origin.path}", Reach.PRIVATE)
    await look(ways(allowed=["git.example"]), f"git@git.example:{origin.path}")
    assert len(ssh.connections) == 2
    assert not any(option.startswith("-oHostName") for call in ssh.connections for option in call)
    ssh.says("hostname 169.254.169.254", "port 22", way)
    with pytest.raises(CallerError, match="never"):
        await look(ways(), f"git@git.example:{origin.path}", Reach.PRIVATE)


async def test_an_ssh_that_does_not_answer_is_the_machines_fault(ssh: FakeSsh, origin: Origin) -> None:
    for said in ("", "hostname git.example", "hostname git.example\nport none"):
        ssh.says(said)
        with pytest.raises(CallerError, match="does not say"):
            await look(ways(), f"git@git.example:{origin.path}")
    (ssh.directory / "ssh").unlink()
    assert ssh.connections == []


@pytest.mark.skipif(shutil.which("ssh") is None, reason="no ssh client here")
async def test_the_real_ssh_is_understood() -> None:
    surroundings = GitCommands().surroundings
    plain = await ssh_transport.effective(RemoteAddress.parse("git@git.example:x/y.git"), surroundings)
    assert (plain.host, plain.port, plain.by_a_way_of_its_own) == ("git.example", 22, False)
    other = await ssh_transport.effective(RemoteAddress.parse("ssh://git@[2001:db8::1]:2222/x"), surroundings)
    assert (other.host, other.port) == ("2001:db8::1", 2222)
