"""Pauses between tries grow, and stay within their bound however many tries failed."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.concurrency.back_off import BackOff


def test_a_pause_doubles_until_it_is_the_longest() -> None:
    growing = BackOff(first_s=5.0, longest_s=60.0)
    assert [growing.after(failures) for failures in range(1, 7)] == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0]


@given(failures=st.integers(min_value=1, max_value=10**9), factor=st.floats(min_value=1.0, max_value=10.0))
def test_no_number_of_failures_makes_a_pause_longer_than_the_longest(failures: int, factor: float) -> None:
    spread = BackOff(first_s=0.5, longest_s=30.0, factor=factor, spread=True).after(failures)
    assert 0.25 <= spread <= 30.0
