"""What decides a test result beside the tests: the files that the test command reaches.

Problem: a writer that may not touch the tests edits the script that runs them, a variable of the Makefile, or a package
script that the test script calls. Choice: read the command as a shell would, follow it through make, package scripts and
scripts of the repository, and protect what it reaches: scripts whole, Makefiles and package.json as far as the command
uses them. A program that looks like the product and not like a way to test it stays free, because the change may be about
it; it is `watched`, and approvers see when the change touched it. What cannot be followed is said. Pure: nothing runs.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.proof import makefiles
from pipeline.proof.package_scripts import scripts_of, with_hooks


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command of the repository's, and the folder in which it is run."""

    text: str
    folder: str = "."


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeGoals:
    """Makefiles in the order in which they are read, and the goals that are made by them (none: the default one)."""

    paths: tuple[str, ...]
    goals: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageScripts:
    """The scripts of a package.json that are run."""

    path: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """What the test commands reach."""

    files: tuple[str, ...] = ()
    """Protected as they are, sorted."""
    made: tuple[MakeGoals, ...] = ()
    scripts: tuple[PackageScripts, ...] = ()
    watched: tuple[str, ...] = ()
    """What the commands run and a change may well be about: the product, or a script that is itself a test. Sorted."""
    unread: tuple[str, ...] = ()
    """What could not be followed, a sentence each."""
    exposed: tuple[str, ...] = ()
    """Of these, what stands in the command itself or in a Makefile; the rest stands in scripts that are protected whole."""

    @property
    def read_in_part(self) -> frozenset[str]:
        """Return the files of which only what the commands use is protected."""
        return frozenset([path for one in self.made for path in one.paths] + [one.path for one in self.scripts])


def altered(instrument: Instrument, before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return the paths of `read_in_part` of which a part that the commands use differs between two sets of texts."""
    found: list[str] = []
    for made in instrument.made:
        old, new = ([texts.get(path, "") for path in made.paths] for texts in (before, after))
        if old != new and not makefiles.same_goals(old, new, made.goals):
            found += [path for path, one, other in zip(made.paths, old, new, strict=True) if one != other]
    for package in instrument.scripts:
        old_scripts, new_scripts = (scripts_of(texts.get(package.path, "")) for texts in (before, after))
        if any(old_scripts.get(name) != new_scripts.get(name) for name in with_hooks(package.names)):
            found.append(package.path)
    return sorted(set(found))


NOTHING = Instrument()
