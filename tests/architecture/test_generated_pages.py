"""Pages that a program writes are as that program would write them today; `make docs` refreshes them."""

from scripts import dependencies, settings_reference


def test_the_settings_reference_is_fresh() -> None:
    assert settings_reference.PAGE.read_text() == settings_reference.render(), "run `make docs`"


def test_every_setting_is_explained_by_its_name_or_a_sentence() -> None:
    assert "CHANGELINE_DATABASE__URL" in settings_reference.render()
    assert "budget_usd" in settings_reference.render()


def test_the_list_of_dependencies_is_fresh() -> None:
    assert dependencies.PAGE.read_text() == dependencies.render(), "run `make docs`"


def test_every_direct_dependency_earns_its_place() -> None:
    assert dependencies.unexplained() == []


def test_no_licence_asks_for_more_than_we_accepted() -> None:
    assert dependencies.unaccepted() == {}
