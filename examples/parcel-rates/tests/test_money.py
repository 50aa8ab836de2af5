from decimal import Decimal

import pytest

from parcel_rates.money import format_eur, to_cents


@pytest.mark.parametrize(
    ("amount", "rounded"),
    [("1.004", "1.00"), ("1.005", "1.01"), ("2.675", "2.68"), ("0", "0.00"), ("12", "12.00")],
)
def test_amounts_are_rounded_half_up_to_cents(amount, rounded):
    assert to_cents(Decimal(amount)) == Decimal(rounded)
    assert str(to_cents(Decimal(amount))) == rounded


def test_an_amount_is_shown_with_two_decimals_and_currency():
    assert format_eur(Decimal("12.9")) == "12.90 EUR"
