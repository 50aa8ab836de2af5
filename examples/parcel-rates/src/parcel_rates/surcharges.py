"""What comes on top of the base price."""

from dataclasses import dataclass
from decimal import Decimal

from parcel_rates.errors import RateError

_BULKY_GIRTH_CM = 250
_GIRTH_MAX_CM = 360
_BULKY_PRICE = Decimal("6.00")


@dataclass(frozen=True)
class Size:
    """Outer dimensions of a parcel in centimetres, in any order."""

    a_cm: int
    b_cm: int
    c_cm: int

    @property
    def girth_cm(self) -> int:
        """Length plus the way around: longest side + 2 x (the other two)."""
        longest, *others = sorted((self.a_cm, self.b_cm, self.c_cm), reverse=True)
        return longest + 2 * sum(others)


def bulky_surcharge(size: Size | None) -> Decimal:
    """Return the surcharge for a large parcel, 0 for one of ordinary or unknown size."""
    if size is None:
        return Decimal(0)
    if min(size.a_cm, size.b_cm, size.c_cm) <= 0:
        raise RateError("Every side of a parcel is longer than 0 cm.")
    if size.girth_cm > _GIRTH_MAX_CM:
        raise RateError(f"A girth of {size.girth_cm} cm is too large; the limit is {_GIRTH_MAX_CM} cm.")
    return _BULKY_PRICE if size.girth_cm > _BULKY_GIRTH_CM else Decimal(0)
