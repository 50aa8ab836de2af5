"""What the judge of a change knew beside the commits, as evidence keeps it: languages, patterns, and the instrument.

Problem: whoever verifies has to judge again by the same rules, also those of older files. Choice: records that leave out what
older files do not have, so that the hash of each stays what it was.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

from pipeline.ports import Language


class Record(BaseModel):
    """A part of the bundle."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ComponentRulesRecord(Record):
    """What the judge knew of one component."""

    root: str
    language: Language
    source_roots: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    """The components whose sources count for its tests, its own included."""
    own_modules: tuple[str, ...] = ()


class MakeGoalsRecord(Record):
    """Makefiles in the order in which they are read, and the goals that the test command makes (none: the default one)."""

    paths: tuple[str, ...]
    goals: tuple[str, ...] = ()


class PackageScriptsRecord(Record):
    """The scripts of a package.json that the test command runs."""

    path: str
    names: tuple[str, ...]


class InstrumentRecord(Record):
    """What decides a test result beside the tests: what the test command reaches, and was kept as the base has it."""

    files: tuple[str, ...] = ()
    made: tuple[MakeGoalsRecord, ...] = ()
    scripts: tuple[PackageScriptsRecord, ...] = ()
    watched: tuple[str, ...] = ()
    """What the command runs and a change may be about; changed, it is a finding."""
    unread: tuple[str, ...] = ()
    """What could not be followed, a sentence each."""


class RulesRecord(Record):
    """What the judge knew; everything else it reads from the commits."""

    language: Language
    test_patterns: tuple[str, ...] = ()
    source_roots: tuple[str, ...] = ()
    own_modules: tuple[str, ...] = ()
    third_party: tuple[str, ...] = ()
    components: tuple[ComponentRulesRecord, ...] = ()
    """Of a repository with several components, all of them; its tests are judged by the rules of their own."""
    instrument: InstrumentRecord | None = None
    """None in files that are older than this record."""

    @model_serializer(mode="wrap")
    def _as_it_was_written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what files of one component and older files do not have, so that their hashes stay as they were."""
        content: dict[str, Any] = write(self)
        if not self.components:
            content.pop("components", None)
        if self.instrument is None:
            content.pop("instrument", None)
        return content
