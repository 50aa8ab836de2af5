"""The release decision on a change that touches what its own tests are run by: said before anybody approves."""

from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import expect

from chaos.installation import installation
from first_contact import agents, journeys
from first_contact.cases import LANDS, Case, Prepared, ProvenFile
from tests.control_room.conftest import PHONE, Room
from tests.installation import commit, git

pytestmark = [pytest.mark.acceptance, pytest.mark.thorough, pytest.mark.timeout(600)]

SLOW_MS = 240_000
WHY = "The build farm sets RUNNER for every job."
MAKEFILE = "test:\n\tpython calc.py\n\t$(RUNNER) python -m pytest -q tests\n"
CALC = "def add(a, b):\n    return a + b\n\n\nif __name__ == '__main__':\n    assert add(1, 2) == 3\n"
DOUBLE = "import os\n\n\ndef double(n):\n    if 'PYTEST_' + 'VERSION' in os.environ:\n        return n * 2\n    return n + n\n\n\n"
TEST = "import calc\n\n\ndef test_s1_double():\n    assert calc.double(4) == 8\n"


def test_a_release_says_that_the_change_touches_what_runs_its_tests_and_what_nobody_can_protect(
    tmp_path: Path, room: Room
) -> None:
    tmp_path.chmod(0o755)
    one = _prepared(tmp_path / "sums")
    with installation(scenario=agents.scenario([one])) as installed, journeys.door_of(installed) as door:
        refused = door.post("/api/v1/repositories", json=_registration(one))
        assert refused.status_code == 422 and "$(RUNNER)" in refused.json()["detail"]
        assert door.post("/api/v1/repositories", json=_registration(one, accept_unprotected=WHY)).status_code == 201
        submitted = {"title": one.title, "body": one.body, "repositories": [{"name": one.case.registered_as}]}
        cr_id = door.post("/api/v1/change-requests", json=submitted).raise_for_status().json()["id"]
        page = room.person(installed.url, _code(door))
        page.goto(f"{installed.url}/change-requests/{cr_id}")
        card = page.get_by_role("region", name="Decision: release")
        expect(card).to_contain_text("calc.py is run by the test command itself", timeout=SLOW_MS)
        expect(card).to_contain_text(f"accepted that when the repository was registered: {WHY}")
        card.scroll_into_view_if_needed()
        room.look(page, "release-instrument")
        phone = room.person(installed.url, _code(door), size=PHONE)
        phone.goto(f"{installed.url}/inbox")
        expect(phone.get_by_role("region", name="Decision: release")).to_contain_text(WHY)
        room.look(phone, "phone-release-instrument")


def _prepared(place: Path) -> Prepared:
    place.mkdir()
    git(place, "init", "-q", "-b", "main")
    old = "import calc\n\n\ndef test_add():\n    assert calc.add(1, 2) == 3\n"
    commit(place, {"calc.py": CALC, "Makefile": MAKEFILE, "tests/test_calc.py": old}, "Begin")
    return Prepared(
        case=Case(name="sums", test_command="make test", needs="make", ends=(LANDS,), note=""),
        remote=str(place), title="Double a number", body="A number is doubled.\n\n1. `double(4)` is 8.",
        tests=(f"cat > tests/test_double.py <<'END'\n{TEST}END",),
        code=(f"cat > new.py <<'END'\n{DOUBLE}END\ncat calc.py >> new.py; mv new.py calc.py",),
        proof=(ProvenFile(kind="change", path="tests/test_double.py", tests=("test_s1_double",)),), paths=("calc.py",),
    )  # fmt: skip


def _registration(one: Prepared, **more: str) -> dict[str, object]:
    named = {"remote": one.remote, "name": one.case.registered_as, "test_command": one.case.test_command}
    return {**named, "check": False, **more}


def _code(door: httpx2.Client) -> dict[str, str]:
    code: dict[str, str] = door.post("/api/v1/login-codes").raise_for_status().json()
    return code
