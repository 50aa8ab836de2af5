"""A dozen shapes of repositories through the whole line, without a registry; `make first-contact` has a hundred."""

import pytest

from first_contact import cases, packages
from first_contact.campaign import carried

SHORT = (
    "plain", "unittest-only", "node-cjs", "node-esm", "go-plain", "cargo-ws", "make-test", "tests-use-git", "writes-tree",
    "submodule", "branches", "old-test-pins",
)  # fmt: skip
NO_MUTANTS = {"CHANGELINE_PIPELINE__MUTANTS_MAX": "0"}
"""They are tried in the demo and in tests of their own."""


@pytest.mark.acceptance
@pytest.mark.timeout(900)
def test_a_dozen_shapes_end_as_a_user_expects() -> None:
    said: list[str] = []
    endings = carried(SHORT, said.append, offline=True, settings=NO_MUTANTS)
    assert [one for one in endings if not one.as_expected] == []
    assert len(endings) + len([line for line in said if "not tried" in line]) == len(SHORT)


def test_the_list_names_what_is_there() -> None:
    folders = {place.name for place in (cases.PLACE / "cases").iterdir()}
    assert {case.name for case in cases.known()} == folders
    assert len(cases.known()) >= 57 and len(packages.known()) >= 40
    assert 2 * sum(one.registry != "pypi" for one in packages.known()) >= len(packages.known())


def test_an_unknown_case_is_named_with_those_that_are_known() -> None:
    with pytest.raises(cases.CaseBroken, match=r"No such case: plane\. Known are plain, "):
        carried(["plane"], print)
