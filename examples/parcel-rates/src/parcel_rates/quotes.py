"""The price of a parcel as a list of lines and their total."""

from dataclasses import dataclass
from decimal import Decimal

from parcel_rates import money, surcharges, tariff, zones


@dataclass(frozen=True)
class Parcel:
    """What is to be sent and where."""

    country: str
    weight_kg: Decimal
    size: surcharges.Size | None = None


@dataclass(frozen=True)
class Line:
    """One part of a price."""

    label: str
    amount: Decimal


@dataclass(frozen=True)
class Quote:
    """A price with its parts; all amounts in EUR, rounded to cents."""

    lines: tuple[Line, ...]

    @property
    def total(self) -> Decimal:
        """Return the sum of all lines."""
        return sum((line.amount for line in self.lines), Decimal(0))


def quote(parcel: Parcel) -> Quote:
    """Return the price of a parcel; raises `RateError` when it cannot be sent."""
    zone = zones.zone_of(parcel.country)
    band = tariff.band_of(zone, parcel.weight_kg)
    lines = [Line(f"base ({zone.value}, up to {band.up_to_kg} kg)", money.to_cents(band.price))]
    bulky = surcharges.bulky_surcharge(parcel.size)
    if bulky:
        lines.append(Line("bulky parcel", money.to_cents(bulky)))
    return Quote(tuple(lines))
