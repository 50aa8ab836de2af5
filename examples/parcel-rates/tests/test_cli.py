import pytest

from parcel_rates.cli import main


def test_a_quote_is_printed_with_aligned_amounts(capsys):
    assert main(["--to", "CH", "--weight", "2.4", "--size", "80x60x40"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "base (EUROPE, up to 5 kg)  17.50 EUR",
        "bulky parcel                6.00 EUR",
        "total                      23.50 EUR",
    ]


def test_a_parcel_that_cannot_be_sent_is_explained_and_fails(capsys):
    assert main(["--to", "FR", "--weight", "40"]) == 1
    assert "too heavy" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--to", "FR"], ["--to", "FR", "--weight", "much"], ["--to", "FR", "--weight", "1", "--size", "big"]])
def test_unusable_arguments_are_refused_by_the_parser(arguments):
    with pytest.raises(SystemExit) as refusal:
        main(arguments)
    assert refusal.value.code == 2
