"""The tools in the real sandbox: what the model asks for never reaches beyond the tree."""

from pathlib import Path

import pytest

from pipeline.adapters.sandbox.bubblewrap import start_sandbox
from pipeline.agents.tools import BASH, EDITOR, ToolBox, ToolScope
from pipeline.agents.toolsets import ToolSet
from pipeline.limits import Limits
from pipeline.settings.process import EnvironmentSettings, SandboxSettings


@pytest.fixture
async def scope(tmp_path: Path) -> ToolScope:
    sandbox = await start_sandbox(SandboxSettings(), EnvironmentSettings(), hidden=())
    if not sandbox.isolation().active:
        pytest.skip(f"no containment here: {sandbox.isolation().detail}")
    root = tmp_path / "tree"
    root.mkdir()
    (root / "app.py").write_text("one\n")
    (root / "link").symlink_to("/etc/passwd")
    return ToolScope(sandbox=sandbox, root=root, limits=Limits())


async def test_files_are_edited_and_commands_run_inside(scope: ToolScope) -> None:
    box = ToolBox(scope, ToolSet.EDIT)

    await box.run("t1", EDITOR, {"command": "str_replace", "path": "app.py", "old_str": "one", "new_str": "two"})
    outcome = await box.run("t2", BASH, {"command": "cat app.py"})

    assert "two" in outcome.text
    assert (scope.root / "app.py").read_text() == "two\n"


async def test_a_link_out_of_the_tree_leads_nowhere(scope: ToolScope) -> None:
    assert (await ToolBox(scope, ToolSet.EDIT).run("t1", EDITOR, {"command": "view", "path": "link"})).is_error


async def test_a_read_only_shell_cannot_write(scope: ToolScope) -> None:
    outcome = await ToolBox(scope, ToolSet.READ_ONLY).run("t1", BASH, {"command": "touch x"})

    assert "Read-only file system" in outcome.text
    assert not (scope.root / "x").exists()


@pytest.mark.parametrize(
    ("tool", "given", "words"),
    [
        (BASH, {"command": "echo \ud800"}, "half a character"),
        (BASH, {"command": "$(" * 20_000}, "[exit code "),
        (EDITOR, {"command": "view", "path": "\ud800"}, "half a character"),
        (EDITOR, {"command": ["view"], "path": "app.py"}, "command must be one of"),
        (EDITOR, {"command": {"view": 1}, "path": "app.py"}, "command must be one of"),
        (EDITOR, {"command": "create", "path": "app.py\nx", "file_text": "lost"}, "a line break"),
        (EDITOR, {"command": "create", "path": "app.py\n", "file_text": "lost"}, "a line break"),
        (EDITOR, {"command": "create", "path": "lines/x", "file_text": "lost"}, "a line break"),
    ],
)
async def test_whatever_a_model_sends_is_answered_to_it_and_changes_nothing_else(
    scope: ToolScope, tool: str, given: dict[str, object], words: str
) -> None:
    (scope.root / "lines").symlink_to("app.py\nelsewhere")

    outcome = await ToolBox(scope, ToolSet.EDIT).run("t1", tool, given)

    assert words in outcome.text
    assert (scope.root / "app.py").read_text() == "one\n"
