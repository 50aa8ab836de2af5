"""The trees in which tests run answer git as a clone does, and a repository's oddities are told before they cost money."""

import subprocess

import pytest

from pipeline.change_request import PauseReason
from tests.gates import shown_by
from tests.line import scenarios
from tests.line.harness import LineRun
from tests.line.scenarios import create, part, turn

ASKS_GIT = """import subprocess


def test_listed():
    from pathlib import Path

    assert Path("vendor/lib/rate.txt").read_text() == "2"
    asked = [["ls-files"], ["describe", "--tags"], ["status", "--porcelain"], ["log", "-1", "--format=%s"]]
    said = [subprocess.run(["git", *one], capture_output=True, text=True, check=True).stdout for one in asked]
    assert "calc.py" in said[0].splitlines()
    assert said[1].startswith("v1.0")
    assert said[3].strip()
"""


@pytest.mark.thorough
async def test_suites_and_new_tests_that_ask_git_get_the_answers_of_a_clone(line: LineRun) -> None:
    repository = line.repository({**scenarios.FILES, "tests/test_listed.py": ASKS_GIT})
    library = repository.path.with_name("lib")
    commands = (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "x"))
    library.mkdir()
    (library / "rate.txt").write_text("2")
    for one in commands:
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *one], cwd=library, check=True)
    repository.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../lib", "vendor/lib")
    repository.git("config", "--file", ".gitmodules", "submodule.vendor/lib.url", "../lib")
    repository.git("add", ".gitmodules")
    repository.git("commit", "-q", "-m", "A submodule")
    repository.git("tag", "v1.0")
    new = f"import subprocess\n\n{scenarios.TESTS}\n\ndef test_s1_status():\n    subprocess.run(['git', 'status'], check=True)\n    import calc\n    assert calc.double(1) == 2\n"
    line.model.play(
        scenarios.scenario(part("test_writer", turn(create(scenarios.TEST_FILE, new)), turn(scenarios.submit_tests())))
    )
    await line.submit(title=scenarios.TITLE, body=scenarios.BODY)
    shown = shown_by(await line.to_the_gate()).repositories["sums"]
    assert shown.suite == "green: 4 passed"
    assert shown.pre_existing_failures == ()
    assert {file.path for file in shown.files} == {"calc.py", scenarios.TEST_FILE}


async def test_what_trees_lack_is_told_before_an_agent_is_paid_and_when_the_suite_cannot_run(line: LineRun) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "4" * 64 + "\nsize 12\n"
    repository = line.repository(
        {
            "tests/test_rate.py": "import vendored\n\n\ndef test_x():\n    pass\n",
            ".gitattributes": "*.bin filter=lfs\n",
            "data/model.bin": pointer,
            "small.txt": "x",
        }
    )
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{repository.head()},vendor/lib")
    repository.git("commit", "-q", "-m", "A submodule")
    (repository.path / "vendor" / "lib").mkdir(parents=True)
    line.model.play(scenarios.scenario())
    await line.submit(title=scenarios.TITLE, body=scenarios.BODY)
    paused = await line.work()
    assert paused.pause_reason is PauseReason.ENVIRONMENT_FAILED
    assert "No module named 'vendored'" in str(paused.pause_facts["error"])
    for part_of_it in ("`vendor/lib` is empty: the repository says nowhere", "contents of `data/model.bin` elsewhere"):
        assert part_of_it in str(paused.pause_message)
    told = [str(event.payload) for event in await line.events() if "trees, so tests" in str(event.payload)]
    assert len(told) == 2
    assert "`vendor/lib` of" in told[0] and "says nowhere" in told[0]
    assert "`data/model.bin`." in told[1]
