"""All cases on one installation: cases of our own and published packages, those that this machine has the programs for."""

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from chaos.installation import installation
from first_contact import agents, cases, packages
from first_contact.cases import Case, CaseBroken, Prepared
from first_contact.journeys import Ending, travel

_PATIENT = {"CHANGELINE_LEASE__BEAT_S": "5", "CHANGELINE_LEASE__LOST_AFTER_S": "60"}


def carried(
    names: Sequence[str],
    report: Callable[[str], None],
    *,
    offline: bool = False,
    settings: Mapping[str, str] | None = None,
) -> list[Ending]:
    """Carry the named cases, or all, through the line. `offline` environments take nothing from a registry.

    What needs a program that this machine lacks is reported and left out. Raises `CaseBroken` for an unknown name.
    """
    wanted = _wanted(names)
    for case, _ in list(wanted.values()):
        if case.needs and shutil.which(case.needs) is None:
            report(f"{case.name}: not tried, there is no {case.needs} on this machine")
            del wanted[case.name]
    given = {**_PATIENT, "CHANGELINE_ENVIRONMENT__OFFLINE": str(offline).lower(), **(settings or {})}
    with tempfile.TemporaryDirectory(prefix="changeline-first-contact-") as root:
        # Tools of agents run as other users, who have to be able to pass through.
        Path(root).chmod(0o755)
        prepared = [make(Path(root) / name) for name, (_, make) in wanted.items()]
        with installation(scenario=agents.scenario(prepared), settings=given) as installed:
            return travel(installed, prepared, report)


def names() -> list[str]:
    """Return the names of all cases, in their order."""
    return list(_known())


def _known() -> dict[str, tuple[Case, partial[Prepared]]]:
    known = {case.name: (case, partial(cases.prepare, case)) for case in cases.known()}
    return known | {one.case.name: (one.case, partial(packages.prepare, one)) for one in packages.known()}


def _wanted(names: Sequence[str]) -> dict[str, tuple[Case, partial[Prepared]]]:
    known = _known()
    if strange := [name for name in names if name not in known]:
        raise CaseBroken(f"No such case: {', '.join(strange)}. Known are {', '.join(known)}.")
    return {name: known[name] for name in names or known}
