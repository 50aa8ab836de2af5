"""What every `Ledger` must do; a test module binds it by a `ledger` fixture with a budget of 1 US dollar per change request."""

from decimal import Decimal

import pytest

from pipeline.change_request import PauseReason
from pipeline.errors import PersonNeeded
from pipeline.ports import Ledger, Reservation, Usage

USED = Usage(input_tokens=10, cache_write_tokens=20, cache_read_tokens=30, output_tokens=40)


async def reserve(ledger: Ledger, key: str, worst_case_usd: str) -> Reservation:
    return await ledger.reserve(
        key=key,
        role="code_writer",
        stage="development",
        repository="app",
        model="scripted",
        worst_case_usd=Decimal(worst_case_usd),
    )


class LedgerContract:
    """Reserved before spent, settled once."""

    async def test_a_reservation_counts_in_full_until_it_is_settled(self, ledger: Ledger) -> None:
        reservation = await reserve(ledger, "k1", "0.60")
        before = await ledger.spent_usd()
        await ledger.settle(reservation, usage=USED, cost_usd=Decimal("0.25"), latency_s=1.0)

        assert (before, await ledger.spent_usd()) == (Decimal("0.60"), Decimal("0.25"))

    async def test_the_same_key_is_the_same_reservation(self, ledger: Ledger) -> None:
        first = await reserve(ledger, "k1", "0.60")

        assert await reserve(ledger, "k1", "0.60") == first
        assert await ledger.spent_usd() == Decimal("0.60")

    async def test_what_does_not_fit_the_budget_is_refused_and_leaves_no_trace(self, ledger: Ledger) -> None:
        await reserve(ledger, "k1", "0.60")

        with pytest.raises(PersonNeeded) as pause:
            await reserve(ledger, "k2", "0.50")

        assert pause.value.reason is PauseReason.BUDGET
        assert await ledger.spent_usd() == Decimal("0.60")

    async def test_the_first_settlement_wins(self, ledger: Ledger) -> None:
        reservation = await reserve(ledger, "k1", "0.60")
        await ledger.settle(reservation, usage=USED, cost_usd=Decimal("0.25"), latency_s=1.0)

        await ledger.settle(reservation, usage=USED, cost_usd=Decimal("0.60"), latency_s=0.0)

        assert await ledger.spent_usd() == Decimal("0.25")

    async def test_settling_to_nothing_frees_the_money(self, ledger: Ledger) -> None:
        reservation = await reserve(ledger, "k1", "1.00")
        nothing = Usage(input_tokens=0, cache_write_tokens=0, cache_read_tokens=0, output_tokens=0)
        await ledger.settle(reservation, usage=nothing, cost_usd=Decimal(0), latency_s=0.0)

        again = await reserve(ledger, "k2", "1.00")

        assert again.worst_case_usd == Decimal("1.00")
