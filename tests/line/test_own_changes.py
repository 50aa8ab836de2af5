"""What agents' trees hold beyond their work is no part of a change; what they worked on is, wherever it lies."""

import pytest

from pipeline.effects.kinds import ProposePullRequest
from tests.gates import shown_by
from tests.line import scenarios
from tests.line.harness import LineRun
from tests.line.scenarios import bash, create, part, submit_code, turn

LEAVES = """import pathlib


def test_report():
    pathlib.Path("report.html").write_text("<p>1</p>")
    count = pathlib.Path("counter.txt")
    count.write_text(f"{int(count.read_text()) + 1}\\n")
    pathlib.Path("tests/out").mkdir(exist_ok=True)
    pathlib.Path("tests/out/last.json").write_text("{}")
    pathlib.Path("tests/golden.txt").write_text("new")
"""
FILES = {
    **scenarios.FILES, "run.sh": "#!/bin/sh\n", "tests/test_report.py": LEAVES, "counter.txt": "0\n", "tests/golden.txt": "old",
    "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = [".", "lib"]\n',
    "lib/__init__.py": "", ".gitignore": "*.log\n__pycache__/\n",
}  # fmt: skip
SUITE = "python3 -m pytest -q | tail -2"


async def start(line: LineRun, *parts: scenarios.Part) -> None:
    line.repository(FILES)
    line.model.play(scenarios.scenario(*parts))
    await line.submit(title=scenarios.TITLE, body=scenarios.BODY)


async def test_what_a_suite_leaves_behind_is_left_out_and_told(line: LineRun) -> None:
    tests = f"mkdir -p tests; cat > {scenarios.TEST_FILE} <<'END'\n{scenarios.TESTS}END\n{SUITE}"
    writer = part("test_writer", turn(bash(tests)), turn(scenarios.submit_tests()))
    code = f"cat > calc.py <<'END'\n{scenarios.CODE}END\necho notes > notes.txt\nchmod +x run.sh\n{SUITE}"
    coder = part("code_writer", turn(bash(code), create("debug.log", "x")), turn(submit_code("calc.py", "run.sh")))
    await start(line, writer, coder)
    shown = shown_by(await line.to_the_gate()).repositories["sums"]
    assert {file.path for file in shown.files} == {"calc.py", "run.sh", scenarios.TEST_FILE}
    assert line.sums.git("ls-tree", "changeline/cr-1", "run.sh").startswith("100755 ")
    assert shown.left_out == (
        "counter.txt (made by tests or tools)", "debug.log (ignored by git)", "notes.txt (made by tests or tools)",
        "report.html (made by tests or tools)", "tests/golden.txt (made by tests or tools)",
        "tests/out/last.json (made by tests or tools)",
    )  # fmt: skip
    (proposed,) = [one.payload for one in await line.effects() if isinstance(one.payload, ProposePullRequest)]
    assert "## Left out" in proposed.body and "`report.html` (made by tests or tools)" in proposed.body
    assert "## Left out" not in line.sums.text("calc.py")


@pytest.mark.thorough
async def test_a_file_that_a_shell_made_and_nobody_declared_is_asked_for_when_its_absence_shows(line: LineRun) -> None:
    apart = "def double(n):\n    return n * 2\n"
    make = f"printf '{apart.encode('unicode_escape').decode()}' > twice.py; echo 'from twice import double' >> calc.py"
    forgets = part("code_writer", turn(bash(make)), turn(submit_code()), not_contains=["does not name them"])
    declares = part("code_writer", turn(bash(f"ls; {make}")), turn(submit_code("calc.py", "twice.py")))
    await start(line, forgets, declares)
    shown = shown_by(await line.to_the_gate()).repositories["sums"]
    assert {file.path for file in shown.files} == {"calc.py", "twice.py", scenarios.TEST_FILE}
    assert "Not taken, because your submission does not name them" in str(line.asked("code_writer")[-1]["messages"])


@pytest.mark.thorough
async def test_a_new_file_in_a_folder_whose_files_were_added_by_force_is_part_of_the_change(line: LineRun) -> None:
    repository = line.repository({**scenarios.FILES, ".gitignore": "lib/\n*.log\n"})
    (repository.path / "lib").mkdir()
    (repository.path / "lib" / "known.py").write_text("KNOWN = 1\n")
    repository.git("add", "-f", "lib")
    repository.git("commit", "-q", "-m", "By force")
    code = (
        "printf 'def double(n):\\n    return n * 2\\n' > lib/twice.py; echo 'from lib.twice import double' >> calc.py"
    )
    told = part(
        "code_writer", turn(bash(f"{code}; echo x > a.log")), turn(submit_code("calc.py", "lib/twice.py", "a.log")),
        turn(submit_code("calc.py", "lib/twice.py")),
    )  # fmt: skip
    line.model.play(scenarios.scenario(told))
    await line.submit(title=scenarios.TITLE, body=scenarios.BODY)
    shown = shown_by(await line.to_the_gate()).repositories["sums"]
    assert {file.path for file in shown.files} == {"calc.py", "lib/twice.py", scenarios.TEST_FILE}
    assert "Git ignores these files" in str(line.asked("code_writer")[-1]["messages"])
