"""Our rules for names are git's: git itself is asked."""

import subprocess

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.repositories.ref_names import BAD, why_no_branch
from tests.adapters.git_world import PERSON

_PARTS = st.sampled_from(
    [*"a./@{}-~^:?*[\\ \t\x7f\x01é;$", ".lock", "..", "//", "@{", "HEAD", "refs", "\u2028", "\udce4"]
)


def git_takes(*arguments: str) -> bool:
    command = ["git", "check-ref-format", *arguments]
    return subprocess.run(command, env=PERSON, capture_output=True, check=False).returncode == 0


@settings(max_examples=300, deadline=None)
@given(st.lists(_PARTS, max_size=5).map("".join))
def test_what_git_takes_as_a_ref_is_taken_and_nothing_else(name: str) -> None:
    ref = f"refs/heads/{name}"
    assert git_takes(ref) is (BAD.search(ref) is None)
    if why_no_branch(name) is None:
        assert git_takes("--branch", name)
