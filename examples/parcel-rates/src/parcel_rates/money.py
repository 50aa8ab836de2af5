"""Amounts in EUR: the only place that rounds and formats them."""

from decimal import ROUND_HALF_UP, Decimal

_CENT = Decimal("0.01")


def to_cents(amount: Decimal) -> Decimal:
    """Round half up to whole cents."""
    return amount.quantize(_CENT, rounding=ROUND_HALF_UP)


def format_eur(amount: Decimal) -> str:
    """Format an amount for people, for example `12.90 EUR`."""
    return f"{to_cents(amount):.2f} EUR"
