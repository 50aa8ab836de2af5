"""Base prices: one list of weight bands per zone."""

from dataclasses import dataclass
from decimal import Decimal

from parcel_rates.errors import RateError
from parcel_rates.zones import Zone

WEIGHT_MAX_KG = Decimal("31.5")


@dataclass(frozen=True)
class Band:
    """A price that holds up to and including a weight."""

    up_to_kg: Decimal
    price: Decimal


_BANDS = {
    Zone.DOMESTIC: (("2", "5.40"), ("5", "6.90"), ("10", "9.90"), ("31.5", "17.40")),
    Zone.EU: (("2", "9.20"), ("5", "12.90"), ("10", "18.40"), ("31.5", "34.00")),
    Zone.EUROPE: (("2", "13.00"), ("5", "17.50"), ("10", "26.00"), ("31.5", "52.00")),
}


def band_of(zone: Zone, weight_kg: Decimal) -> Band:
    """Return the cheapest band that takes the weight."""
    if weight_kg <= 0:
        raise RateError(f"A parcel weighs more than 0 kg, not {weight_kg} kg.")
    for up_to, price in _BANDS[zone]:
        if weight_kg <= Decimal(up_to):
            return Band(up_to_kg=Decimal(up_to), price=Decimal(price))
    raise RateError(f"{weight_kg} kg is too heavy; the limit is {WEIGHT_MAX_KG} kg.")
