"""What an agent plants in its tree during a run, and what lies in every commit, is run by nothing outside a sandbox.

Problem: everything that an agent can write could be executed, sourced or read as configuration by one of our own processes
that works in or on its tree. Choice: the scripted code writer plants a canary in every such place, runs one of them itself,
and the run goes on to the merge through a crash-free line with all its checkouts, rebases, builds and suites. Invariant: the
canaries write where no sandbox can: what they do inside one leaves no mark.
"""

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.hostile.canaries import Canaries
from tests.hostile.ground import HOOKS, MODULES, Honest, configuration_text, ref_of
from tests.hostile.program_keys import program_values
from tests.line import scenarios
from tests.line.harness import LineRun
from tests.line.repositories import SampleRepository

CANARY = "planted-by-agent"
CARELESS = ":.:{}:"
"""A search path on which whoever starts a program by its name finds what lies in the current directory first."""
PROGRAMS = (
    *(
        "git",
        "env",
        "sh",
        "bash",
        "python",
        "python3",
        "pip",
        "uv",
        "npm",
        "node",
        "ssh",
        "gpg",
        "rm",
        "chmod",
        "setpriv",
    ),
    *("prlimit", "bwrap", "git-upload-pack", "git-receive-pack", "git-remote-https", "git-remote-ext", "less", "cat"),
)
NAMED_LIKE_MODULES = (
    *MODULES,
    "json",
    "os",
    "subprocess",
    "asyncio",
    "typing",
    "site",
    "sitecustomize",
    "usercustomize",
)
"""A module in the current directory stands before all others where somebody runs `python -m`."""
CONFIGURED = {
    ".envrc": "{run}",
    ".python-version": "../../../../../../../../{programs}",
    ".nvmrc": "$({run})",
    ".tool-versions": "python path:{programs}",
    ".npmrc": "prefix={programs}\nscript-shell={canary}\ngit={canary}\n",
    ".yarnrc": 'yarn-path "{canary}"\n',
    ".curlrc": "output = {marks}/curlrc\n",
    ".wgetrc": "output_document = {marks}/wgetrc\n",
    ".netrc": "machine 127.0.0.1 login x password y\n",
    ".pgpass": "*:*:*:*:x\n",
    ".bashrc": "{run}",
    ".profile": "{run}",
    ".bash_profile": "{run}",
    ".ssh/config": "Host *\n  ProxyCommand {canary}\n  PermitLocalCommand yes\n  LocalCommand {canary}\n",
    ".gitconfig": "[core]\n\tfsmonitor = {canary}\n\tsshCommand = {canary}\n\thooksPath = {programs}\n",
    ".config/git/config": "[core]\n\tfsmonitor = {canary}\n",
    ".config/pip/pip.conf": "[global]\nindex-url = http://127.0.0.1:9/\n",
    "pip.conf": "[global]\nindex-url = http://127.0.0.1:9/\n",
    ".lfsconfig": '[lfs "customtransfer.x"]\n\tpath = {canary}\n',
    ".pdbrc": "import os; os.system({canary!r})\n",
    ".env": "CHANGELINE_SANDBOX__ALLOW_UNCONTAINED=true\nPATH={programs}\nPYTHONSTARTUP={canary}\n",
    "alembic.ini": "[alembic]\nscript_location = {programs}\n",
    "logging.conf": "[loggers]\nkeys=root\n[handlers]\nkeys=x\n[handler_x]\nclass=__import__('os').system({canary!r})\nargs=()\n",
    "tox.ini": "[testenv]\ncommands = {canary}\n",
    "Makefile": "$(shell {canary})\nall:\n\t{canary}\n",
    "BASH_ENV": "{run}",
    "zz_canary.pth": "import os; os.system({canary!r})\n",
    "bin/activate": "{run}",
    "gitconfig": "[core]\n\tfsmonitor = {canary}\n",
    ".gitmodules": '[submodule "x"]\n\tpath = x\n\turl = ext::{canary}\n\tupdate = !{canary}\n',
    ".gitattributes": "* filter=code diff=driver merge=driver\n",
}
"""Files that a tool reads by itself in its current directory or its home."""


def planting(canaries: Canaries, honest: Honest) -> str:
    """Return the shell script by which the agent plants everything. What it plants is ignored by the repository's git."""
    ground = honest.copy("for the programs")
    canary = canaries.program("agent configured")
    words = {
        "canary": str(canary), "run": canaries.shell("agent sourced"), "programs": str(canaries.programs),
        "marks": str(canaries.marks),
    }  # fmt: skip
    files = {name: text.format(**words) for name, text in CONFIGURED.items()}
    files |= {f"{name}.py": canaries.python(f"agent module {name}") for name in NAMED_LIKE_MODULES}
    files[".git/more"] = configuration_text(program_values(ground, "agent"))
    files[".git/info/attributes"] = "* filter=code diff=driver merge=driver\n"
    files["nested/.git/config"] = files[".git/more"]
    files["nested/.git/HEAD"] = "ref: refs/heads/main\n"
    lines = [
        "mkdir -p .git/hooks .git/info nested/.git/objects nested/.git/refs nested/.git/hooks bin .ssh .config/git .config/pip"
    ]
    lines += [f"cat > {shlex.quote(name)} <<'CANARY'\n{text}\nCANARY" for name, text in files.items()]
    lines += ["cat .git/more >> .git/config", "cp .git/more .git/config.worktree"]
    places = [*(f".git/hooks/{name}" for name in HOOKS), *(f"nested/.git/hooks/{name}" for name in HOOKS[:3])]
    places += [*PROGRAMS, *(f"bin/{name}" for name in PROGRAMS)]
    lines += [f"cp -p {CANARY} {place}" for place in places]
    lines += ['cp -r .git* .ssh .config .netrc .npmrc .bashrc "$HOME"/ ; true']
    return "\n".join(lines)


def base_files(canaries: Canaries, script: str) -> dict[str, str]:
    """The repository's first commit: the canary that agents copy, and rules that keep what they plant out of commits."""
    ignored = [
        *PROGRAMS,
        *CONFIGURED,
        *(f"{name}.py" for name in NAMED_LIKE_MODULES),
        "nested",
        "bin",
        ".ssh",
        ".config",
    ]
    return {
        **scenarios.FILES,
        ".gitignore": "".join(f"/{name}\n" for name in ignored),
        CANARY: f'#!/bin/sh\nmark=${{0##*/}}\n{{ echo "agent $0 uid=$(/usr/bin/id -u) $*" >> {canaries.marks}/agent-$mark.$$; }} 2>/dev/null\nexit 0\n',
        "plant.sh": script,
    }


@pytest.fixture
def planted(quiet: LineRun, canaries: Canaries, honest: Honest) -> SampleRepository:
    """A repository whose code writer plants everything and then does its work."""
    repository = quiet.repository(base_files(canaries, planting(canaries, honest)))
    (repository.path / CANARY).chmod(0o755)
    repository.commit({}, "Executable")
    inside = f"./{CANARY} inside; test ! -e {canaries.marks} && python3 -c 'import sitecustomize' && echo unseen"
    plant = scenarios.bash(f"sh plant.sh && ./{CANARY} && {inside}")
    code = scenarios.create("calc.py", scenarios.CODE)
    quiet.model.play(
        scenarios.scenario(
            scenarios.part("test_writer", scenarios.turn(plant, scenarios.create(scenarios.TEST_FILE, scenarios.TESTS)),
                           scenarios.turn(scenarios.submit_tests())),
            scenarios.part("code_writer", scenarios.turn(plant), scenarios.turn(code), scenarios.turn(scenarios.submit_code())),
        )
    )  # fmt: skip
    return repository


def told_by_the_sandbox(line: LineRun) -> list[str]:
    """Return what the planting command answered, each time."""
    results = [
        str(block["content"])
        for request in line.asked("code_writer", "test_writer")
        for message in request["messages"]
        for block in message["content"]
        if isinstance(block, dict) and block.get("type") == "tool_result"
    ]
    return [result for result in results if "unseen" in result]


async def test_nothing_that_an_agent_plants_runs_outside_its_sandbox(
    quiet: LineRun, planted: SampleRepository, canaries: Canaries, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where the search path holds the current directory and empty entries."""
    monkeypatch.setenv("PATH", CARELESS.format(os.environ["PATH"]))
    before = ref_of(planted.path / ".git", "refs/heads/main")
    await quiet.submit(title=scenarios.TITLE, body=scenarios.BODY)
    await quiet.to_the_gate()
    assert told_by_the_sandbox(quiet), "everything was planted, ran in the sandbox, and saw no place for marks there"
    await quiet.decide_and_finish()
    assert ref_of(planted.path / ".git", "refs/heads/main") != before
    assert canaries.told() == []
    subprocess.run([planted.path / CANARY], check=True)
    assert canaries.told(), "outside a sandbox it does tell"


@pytest.mark.thorough
async def test_a_search_path_with_the_current_directory_finds_nothing_in_a_tree(
    quiet: LineRun,
    honest: Honest,
    canaries: Canaries,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`.` and empty entries: every process that we start in or on a tree is found elsewhere."""
    monkeypatch.setenv("PATH", CARELESS.format(os.environ["PATH"]))
    ground = honest.copy("planted", planted=True)
    quiet.repositories["sums"] = SampleRepository(ground.path)
    quiet.model.play(scenarios.scenario())
    before = ground.head
    await quiet.submit(title=scenarios.TITLE, body=scenarios.BODY)
    await quiet.to_the_gate()
    await quiet.decide_and_finish()
    assert ground.head != before
    assert Path(ground.path, "calc.py").read_text() == scenarios.CODE
