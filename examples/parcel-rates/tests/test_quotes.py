from decimal import Decimal

import pytest

from parcel_rates.errors import RateError
from parcel_rates.quotes import Line, Parcel, quote
from parcel_rates.surcharges import Size


def test_an_ordinary_parcel_has_one_line():
    made = quote(Parcel(country="FR", weight_kg=Decimal("2.4")))
    assert made.lines == (Line("base (EU, up to 5 kg)", Decimal("12.90")),)
    assert made.total == Decimal("12.90")


def test_a_bulky_parcel_has_a_second_line_and_a_higher_total():
    made = quote(Parcel(country="CH", weight_kg=Decimal("2.4"), size=Size(80, 60, 40)))
    assert [line.label for line in made.lines] == ["base (EUROPE, up to 5 kg)", "bulky parcel"]
    assert made.total == Decimal("23.50")


def test_a_parcel_that_cannot_be_sent_has_no_quote():
    with pytest.raises(RateError):
        quote(Parcel(country="FR", weight_kg=Decimal("40")))
