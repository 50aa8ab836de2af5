"""`parcel-rates --to FR --weight 2.4 [--size 80x60x40]`: print a quote."""

import argparse
import sys
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from parcel_rates.errors import RateError
from parcel_rates.money import format_eur
from parcel_rates.quotes import Line, Parcel, Quote, quote
from parcel_rates.surcharges import Size


def main(argv: Sequence[str] | None = None) -> int:
    """Print a quote and return 0, or print what is wrong and return 1."""
    options = _parser().parse_args(argv)
    try:
        print(render(quote(Parcel(country=options.to, weight_kg=options.weight, size=options.size))))
    except RateError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def render(made: Quote) -> str:
    """Return a quote as lines for people, the total last."""
    lines = [*made.lines, Line("total", made.total)]
    labels = max(len(line.label) for line in lines)
    amounts = max(len(format_eur(line.amount)) for line in lines)
    return "\n".join(f"{line.label:<{labels}}  {format_eur(line.amount):>{amounts}}" for line in lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="parcel-rates", description="Prices for parcels.")
    parser.add_argument("--to", required=True, metavar="COUNTRY", help="ISO country code, for example FR")
    parser.add_argument("--weight", required=True, type=_decimal, metavar="KG")
    parser.add_argument("--size", type=_size, metavar="AxBxC", help="outer dimensions in cm")
    return parser


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def _size(text: str) -> Size:
    try:
        a, b, c = (int(side) for side in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size like 80x60x40") from None
    return Size(a, b, c)
