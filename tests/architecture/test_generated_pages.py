"""Pages that a program writes are as that program would write them today; `make docs` refreshes them."""

from pipeline.change_request import PauseReason, Stage
from pipeline.pause_reasons import PAUSE_REASONS
from scripts import (
    dependencies,
    event_types,
    evidence_schema,
    openapi,
    pause_reasons,
    repository_schema,
    settings_reference,
    stage_pages,
    state_machine,
)


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


def test_the_drawing_of_the_state_machine_is_the_compiled_graph() -> None:
    page = state_machine.PAGE.read_text()
    drawn = page.split(state_machine.BEGIN)[1].split(state_machine.END)[0].strip()
    assert drawn == state_machine.picture(), "run `make docs`"


def test_the_table_of_stages_is_what_they_declare() -> None:
    page = stage_pages.PAGE.read_text()
    written = page.split(stage_pages.BEGIN)[1].split(stage_pages.END)[0].strip()
    assert written == stage_pages.table(), "run `make docs`"


def test_the_dashboards_list_of_stages_is_what_they_declare() -> None:
    assert stage_pages.DASHBOARD.read_text() == stage_pages.listed(), "run `make docs`"


def test_every_stage_can_pause_and_every_stage_can_be_resumed() -> None:
    assert state_machine.exceptional_edges() == (set(Stage), set(Stage))


def test_the_dashboards_schema_is_the_controllers() -> None:
    assert openapi.PAGE.read_text() == openapi.render(), "run `make docs`"


def test_every_pause_reason_says_what_happened_and_what_gets_it_going() -> None:
    assert set(PAUSE_REASONS) == set(PauseReason)
    assert pause_reasons.PAGE.read_text() == pause_reasons.page(), "run `make docs`"
    assert pause_reasons.WORDS.read_text() == pause_reasons.words(), "run `make docs`"


def test_the_dashboard_hears_every_type_of_event() -> None:
    assert event_types.PAGE.read_text() == event_types.render(), "run `make docs`"


def test_the_schema_of_the_repositorys_own_file_is_fresh() -> None:
    assert repository_schema.PAGE.read_text() == repository_schema.render(), "run `make docs`"


def test_the_schema_of_evidence_is_fresh() -> None:
    assert evidence_schema.PAGE.read_text(encoding="utf-8") == evidence_schema.render(), "run `make docs`"
