"""Pauses grow, end at their limit and give way to a longer wish of the other side, within bounds."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.concurrency.back_off import BackOff


def test_pauses_double_up_to_their_limit() -> None:
    again = BackOff(first_s=2.0, longest_s=30.0)

    assert [again.pause_s(failures) for failures in range(1, 7)] == [2, 4, 8, 16, 30, 30]


@given(failures=st.integers(-5, 10**9), first_s=st.floats(0, 60), longest_s=st.floats(0, 3600), spread=st.floats(0, 1))
def test_no_number_of_failures_leads_beyond_the_limit(
    failures: int, first_s: float, longest_s: float, spread: float
) -> None:
    pause_s = BackOff(first_s=first_s, longest_s=longest_s, spread=spread).pause_s(failures)

    assert 0 <= pause_s <= longest_s


def test_a_wish_wins_over_a_shorter_pause_and_ends_at_its_own_limit() -> None:
    again = BackOff(first_s=2.0, longest_s=30.0)

    assert again.within(1, None, wish_max_s=100) == 2
    assert again.within(1, 1.0, wish_max_s=100) == 2
    assert again.within(1, 50.0, wish_max_s=100) == 50
    assert again.within(1, 5000.0, wish_max_s=100) == 100


def test_chance_takes_off_a_part_so_that_many_do_not_come_back_together() -> None:
    again = BackOff(first_s=8.0, longest_s=30.0, spread=0.5)

    pauses = {again.pause_s(1) for _ in range(50)}

    assert len(pauses) > 1
    assert all(4 <= pause <= 8 for pause in pauses)
