from decimal import Decimal

import pytest

from parcel_rates.errors import RateError
from parcel_rates.surcharges import Size, bulky_surcharge


def test_the_girth_does_not_depend_on_the_order_of_the_sides():
    assert Size(80, 60, 40).girth_cm == Size(40, 80, 60).girth_cm == 280


@pytest.mark.parametrize(
    ("size", "amount"),
    [(None, "0"), (Size(50, 50, 50), "0"), (Size(50, 50, 51), "6.00"), (Size(120, 60, 60), "6.00")],
)
def test_only_a_girth_above_250_cm_costs_extra(size, amount):
    assert bulky_surcharge(size) == Decimal(amount)


def test_a_girth_above_360_cm_is_refused_with_the_limit():
    with pytest.raises(RateError, match="361 cm is too large; the limit is 360 cm"):
        bulky_surcharge(Size(121, 60, 60))


def test_a_side_without_length_is_refused():
    with pytest.raises(RateError, match="longer than 0 cm"):
        bulky_surcharge(Size(10, 10, 0))
