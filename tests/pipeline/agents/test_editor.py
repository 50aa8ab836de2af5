"""The editor's pure half: what is outside the edited place never changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.agents.editor import inserted, numbered, replaced
from pipeline.errors import ModelError

TEXT = st.text(alphabet="ab\n", max_size=40)


@given(TEXT, TEXT, TEXT)
def test_a_unique_piece_is_replaced_and_nothing_else(before: str, after: str, new: str) -> None:
    result, _ = replaced(f"{before}<OLD>{after}", "<OLD>", new, "f")

    assert result == f"{before}{new}{after}"


@given(TEXT, st.integers(0, 41), TEXT)
def test_an_insertion_keeps_all_other_lines_in_order(text: str, line: int, new: str) -> None:
    lines = text.splitlines()
    if line > len(lines):
        with pytest.raises(ModelError):
            inserted(text, line, new)
        return

    result, _ = inserted(text, line, new)

    assert result.splitlines() == [
        *lines[:line],
        *(new if new.endswith("\n") else f"{new}\n").splitlines(),
        *lines[line:],
    ]


def test_an_empty_file_has_nothing_to_show_but_can_be_viewed() -> None:
    assert numbered("") == ""
