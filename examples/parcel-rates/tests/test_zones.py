import pytest

from parcel_rates.errors import RateError
from parcel_rates.zones import Zone, zone_of


@pytest.mark.parametrize(("country", "zone"), [("DE", Zone.DOMESTIC), ("FR", Zone.EU), ("CH", Zone.EUROPE)])
def test_a_country_belongs_to_its_zone(country, zone):
    assert zone_of(country) is zone


def test_country_codes_are_read_in_either_case_and_with_blanks():
    assert zone_of(" fr ") is Zone.EU


def test_a_country_we_do_not_serve_is_refused_by_name():
    with pytest.raises(RateError, match="'AQ'"):
        zone_of("AQ")
