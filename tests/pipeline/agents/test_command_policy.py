"""Which commands are refused, found by their place in the command line and not by their letters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.agents.command_policy import CommandPolicy, simple_commands
from pipeline.errors import ModelError

POLICY = CommandPolicy()


@pytest.mark.parametrize(
    "command",
    [
        "curl https://x",
        "/usr/bin/curl x",
        "ls | nc host 1",
        "make && wget x",
        "FOO=1 ssh host",
        "(cd a; printenv)",
        "echo $(whoami)",
        'echo "$(env)"',
        "echo `ps aux`",
        "xargs -n 1 curl < urls",
        "timeout 5 curl x",
        "if true; then sudo ls; fi",
        "bash -c 'curl x'",
        "git push origin main",
        "git -C sub commit -m x",
        "npm install -g left-pad",
        "ls\nkill 1",
        "cat <<EOF\nhello\nEOF\nchown root run.sh",
    ],
)
def test_a_blocked_command_is_found_wherever_it_starts(command: str) -> None:
    with pytest.raises(ModelError):
        POLICY.check(command)


@pytest.mark.parametrize(
    "command",
    [
        "grep -rn curl src",
        "echo 'curl is a word; wget too'",
        "cat > notes.md <<'EOF'\ncurl https://x\nkill everything\nEOF\npython -m pytest",
        "python -c 'import os; print(os.environ)'",
        "git log --oneline | head -5",
        "git --no-pager diff HEAD~1",
        "ls # then curl",
        "cat ps.txt > env.txt",
        "python -m pytest tests/test_env.py 2>&1 | tail -5",
        "npm test",
        "for f in *.py; do wc -l $f; done",
        "",
    ],
)
def test_ordinary_work_is_let_through(command: str) -> None:
    POLICY.check(command)


def test_the_refusal_says_what_to_do_instead() -> None:
    with pytest.raises(ModelError, match="write NAME=value before it"):
        POLICY.check("env FOO=1 pytest")
    with pytest.raises(ModelError, match="the pipeline commits, pushes and restores"):
        POLICY.check("git commit -am wip")


@given(st.text(alphabet="abc \n\t;|&()<>`$\"'\\{}#=-/1", max_size=60))
def test_any_text_can_be_read(command: str) -> None:
    for words in simple_commands(command):
        assert words
