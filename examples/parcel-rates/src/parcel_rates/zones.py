"""Which zone a destination belongs to."""

from enum import Enum

from parcel_rates.errors import RateError


class Zone(Enum):
    """Areas with one price list each."""

    DOMESTIC = "DOMESTIC"
    EU = "EU"
    EUROPE = "EUROPE"


_ZONES = {
    Zone.DOMESTIC: {"DE"},
    Zone.EU: {"AT", "BE", "CZ", "DK", "ES", "FI", "FR", "IE", "IT", "LU", "NL", "PL", "PT", "SE"},
    Zone.EUROPE: {"CH", "GB", "IS", "LI", "NO"},
}


def zone_of(country: str) -> Zone:
    """Return the zone of an ISO 3166 country code, in either case."""
    code = country.strip().upper()
    for zone, countries in _ZONES.items():
        if code in countries:
            return zone
    raise RateError(f"We do not deliver to {country!r}.")
