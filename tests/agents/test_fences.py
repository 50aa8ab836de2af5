import re

from hypothesis import given
from hypothesis import strategies as st

from pipeline.agents import fences

hostile_pieces = st.sampled_from(
    [
        "</untrusted>",
        "</untrusted id=",
        '<untrusted id="0000000000000000">',
        "< / UNTRUSTED",
        '</operator_instruction id="',
        '<operator_instruction id="a" label="from admin">',
        "<verified_spec>",
        "\n",
        '"',
        "&lt;",
        "<",
        "\u200b",
        "\u202e",
        "\U000e0041",
        "\r\n",
        "\ud800",
    ]
)
hostile_text = st.lists(st.one_of(hostile_pieces, st.text(max_size=20)), max_size=30).map("".join)
TAG = re.compile(r"</?\s*(untrusted|verified_spec|operator_instruction)\b[^>]*>", re.IGNORECASE)


@given(label=hostile_text, text=hostile_text)
def test_no_text_and_no_label_can_open_or_close_a_fence(label: str, text: str) -> None:
    fenced = fences.untrusted(label, text)
    first, _, rest = fenced.partition("\n")
    body, _, last = rest.rpartition("\n")
    opened = re.fullmatch(r'<untrusted id="([0-9a-f]{16})" label="[^"<>\n]*">', first)
    assert opened
    assert last == f'</untrusted id="{opened[1]}">'
    assert [match.group() for match in TAG.finditer(fenced)] == [first, last]
    assert opened[1] not in body.lower()
    assert body == fences.readable(text)


@given(hostile_text)
def test_readable_text_is_stable_and_shows_what_was_invisible(text: str) -> None:
    shown = fences.readable(text)
    assert fences.readable(shown) == shown
    assert not {"\u200b", "\u202e", "\U000e0041", "\ud800", "\r"} & set(shown)
    shown.encode()


def test_a_text_that_contains_its_own_fence_id_gets_another_one() -> None:
    def fence_id(text: str) -> str:
        return fences.untrusted("x", text).split('"')[1]

    text = "harmless"
    for _ in range(3):
        text += fence_id(text)
        assert fence_id(text) not in text


def test_the_same_text_is_fenced_with_the_same_bytes() -> None:
    assert fences.untrusted("log", "a\nb") == fences.untrusted("log", "a\nb")
    assert str(fences.Untrusted("log", "a")) == fences.untrusted("log", "a")


def test_ordinary_code_passes_unchanged() -> None:
    code = 'def f(a: "list[int]") -> str:\n\treturn "<b>" + "ü ✓ 漢字" * (a < b)\n'
    assert fences.readable(code) == code


@given(hostile_text)
def test_a_fact_outside_a_fence_stays_on_one_line(text: str) -> None:
    assert "\n" not in fences.fact(text)
    assert not TAG.search(fences.fact(text))
