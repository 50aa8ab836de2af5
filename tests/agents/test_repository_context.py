from hypothesis import given
from hypothesis import strategies as st

from pipeline.agents.repository_context import RepositoryFacts, conventions_path, repository_context


def facts(**changes: object) -> RepositoryFacts:
    values: dict[str, object] = {
        "name": "shop",
        "base_branch": "main",
        "files": ["AGENTS.md", "src/shop/a.py", "src/shop/deep/b.py", "src/shop/deep/er/c.py", "tests/test_a.py"],
        "stack": "python, pytest",
        "test_command": "pytest",
        "conventions": ("AGENTS.md", "Use Decimal."),
        "learnings": ("Prices are\nDecimal.",),
        "sample_tests": {"tests/test_a.py": "def test_a(): ..."},
    }
    return RepositoryFacts(**{**values, **changes})  # type: ignore[arg-type]  # built from a table


def test_a_small_repository_is_described_in_full_and_marked_untrusted() -> None:
    text = repository_context(facts(), tokens_max=12_000)
    for part in ("shop", "python, pytest", "`pytest`", "Use Decimal.", "- Prices are Decimal.", "def test_a()"):
        assert part in text
    assert "src/shop/deep/ (2 files)" in text
    assert text.count("<untrusted ") == text.count("</untrusted ") == 4
    assert "cut here" not in text


def test_what_does_not_fit_is_cut_at_a_line_and_said() -> None:
    long = "\n".join(f"rule {number}" for number in range(5_000))
    text = repository_context(facts(conventions=("AGENTS.md", long)), tokens_max=2_000)
    assert "of 5000 lines left out]" in text
    assert "rule 0\n" in text
    assert "src/shop/a.py" in text


def test_samples_beyond_the_cap_are_counted_instead_of_shown() -> None:
    many = {f"tests/test_{number}.py": "x = 1\n" * 400 for number in range(30)}
    text = repository_context(facts(sample_tests=many), tokens_max=1_000)
    assert "Left out for lack of space" in text


@given(
    conventions=st.text(max_size=3_000),
    files=st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60), max_size=60),
    samples=st.dictionaries(st.text(min_size=1, max_size=30), st.text(max_size=2_000), max_size=6),
    tokens_max=st.integers(1_000, 3_000),
)
def test_the_cap_holds_whatever_the_repository_contains(
    conventions: str, files: list[str], samples: dict[str, str], tokens_max: int
) -> None:
    made = facts(conventions=("AGENTS.md", conventions), files=files, sample_tests=samples)
    text = repository_context(made, tokens_max=tokens_max)
    assert len(text.encode()) <= tokens_max * 3
    assert text == repository_context(made, tokens_max=tokens_max)


def test_the_first_conventions_file_in_order_of_preference_counts() -> None:
    assert conventions_path(["CONTRIBUTING.md", "CLAUDE.md"]) == "CLAUDE.md"
    assert conventions_path(["docs/AGENTS.md"]) is None
