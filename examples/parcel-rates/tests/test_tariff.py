from decimal import Decimal

import pytest

from parcel_rates.errors import RateError
from parcel_rates.tariff import band_of
from parcel_rates.zones import Zone


@pytest.mark.parametrize(
    ("weight", "price"),
    [("0.1", "9.20"), ("2", "9.20"), ("2.001", "12.90"), ("5", "12.90"), ("10", "18.40"), ("31.5", "34.00")],
)
def test_a_weight_pays_the_cheapest_band_that_takes_it(weight, price):
    assert band_of(Zone.EU, Decimal(weight)).price == Decimal(price)


def test_a_parcel_above_the_limit_is_refused_with_the_limit():
    with pytest.raises(RateError, match=r"31\.501 kg is too heavy; the limit is 31\.5 kg"):
        band_of(Zone.DOMESTIC, Decimal("31.501"))


@pytest.mark.parametrize("weight", ["0", "-1"])
def test_a_parcel_without_weight_is_refused(weight):
    with pytest.raises(RateError, match="more than 0 kg"):
        band_of(Zone.DOMESTIC, Decimal(weight))
