"""Check one repository's evidence against a clone: commits, protected tests, and all verdicts judged again."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from pydantic import TypeAdapter

from pipeline.evidence.bundle import CommitRecord, RepositoryEvidence, RunRecord
from pipeline.ports import CommitReader
from pipeline.proof.baseline import compare_suites
from pipeline.proof.component_sources import SourcePlace, source_paths
from pipeline.proof.green import judge_green, judge_preserve
from pipeline.proof.instrument import Instrument, altered
from pipeline.proof.inverted import inverted_files, judge_inverted
from pipeline.proof.mutants import mutants_of
from pipeline.proof.owners import ROOT
from pipeline.proof.protected_tests import is_protected, is_test_file
from pipeline.proof.red_green import HeadSymbols, RedRules, RedVerdict, confirm_red, judge_red
from pipeline.proof.reverted import judge_reverted
from pipeline.proof.symbols import RepositorySymbols, read_symbols
from pipeline.proof.test_sources import altered_tests
from pipeline.specs.behaviour import InvalidBehaviour, ScenarioKind, parse_feature

_INSTRUMENT = TypeAdapter(Instrument)

Record = Callable[[str, list[str]], None]


def check_repository(repository: RepositoryEvidence, reader: CommitReader, record: Record, notes: list[str]) -> None:
    """Make every check of one repository, each recorded with its problems."""
    name = repository.name
    commits = _commit_problems(repository, reader, notes)
    record(f"{name}: the commits exist with their recorded trees and parents.", commits)
    record(f"{name}: every run names a commit of this evidence.", _run_problems(repository))
    record(f"{name}: the spec is what its scenarios say.", _spec_problems(repository))
    if commits:
        return
    record(
        f"{name}: the protected tests of the head are those of the tests commit.", _test_problems(repository, reader)
    )
    if repository.old_tests is None:
        notes.append(f"{name}: which old tests were rewritten or removed is not recorded, as in versions before that.")
    else:
        record(f"{name}: old tests were altered under a scenario, as recorded.", _old_test_problems(repository))
        notes.extend(_old_test_notes(repository, reader))
    record(f"{name}: the recorded verdicts follow from the recorded outcomes.", _verdict_problems(repository, reader))
    if repository.witness.inverted_verdict is None:
        notes.append(
            f"{name}: no failure was planted in its tests, as versions before this witness did; results are taken as told."
        )


def _commit_problems(repository: RepositoryEvidence, reader: CommitReader, notes: list[str]) -> list[str]:
    commits = repository.commits
    named = {"base": commits.base, "tests": commits.tests, "head": commits.head, "merge": commits.merge}
    problems = [
        problem
        for role, commit in named.items()
        if commit is not None
        for problem in _facts_problems(role, commit, reader)
    ]
    for commit in commits.superseded:
        if reader.commit(commit.sha) is None:
            notes.append(f"{repository.name}: {commit.sha[:12]} was replaced by a rebase and is not in this clone.")
        else:
            problems.extend(_facts_problems("superseded", commit, reader))
    if problems:
        return problems
    for before, after in (("base", "tests"), ("base", "head")):
        older, newer = named[before], named[after]
        if older and newer and not reader.is_ancestor(older.sha, newer.sha):
            problems.append(f"The {before} commit is not an ancestor of the {after} commit.")
    return problems + _merge_problems(repository, reader)


def _facts_problems(role: str, commit: CommitRecord, reader: CommitReader) -> list[str]:
    found = reader.commit(commit.sha)
    if found is None:
        return [f"The {role} commit {commit.sha[:12]} is not in the repository."]
    problems = []
    if found.tree != commit.tree:
        problems.append(f"The {role} commit has the tree {found.tree[:12]}, recorded is {commit.tree[:12]}.")
    if found.parents != commit.parents:
        problems.append(f"The {role} commit has other parents than recorded.")
    return problems


def _merge_problems(repository: RepositoryEvidence, reader: CommitReader) -> list[str]:
    merge, head = repository.commits.merge, repository.commits.head
    if merge is None:
        return []
    if merge.tree != head.tree:
        return ["The merged tree is not the tree of the head that was proven."]
    if repository.commits.merge_strategy != "squash" and not reader.is_ancestor(head.sha, merge.sha):
        return ["The merge commit does not contain the head that was proven."]
    return []


def _run_problems(repository: RepositoryEvidence) -> list[str]:
    commits, witness = repository.commits, repository.witness
    replaced = {commit.sha for commit in commits.superseded}
    expected: list[tuple[str, RunRecord | None, set[str]]] = [
        ("red witness", witness.red, {commits.tests.sha} | replaced),
        ("preserve run on the base", witness.preserve_base, {commits.tests.sha, commits.base.sha} | replaced),
        ("full suite on the base", witness.suite_base, {commits.base.sha} | replaced),
        ("second full suite on the base", witness.suite_base_again, {commits.base.sha} | replaced),
        ("change tests on the head", witness.change, {commits.head.sha}),
        ("preserve tests on the head", witness.preserve, {commits.head.sha}),
        ("full suite on the head", witness.suite_head, {commits.head.sha}),
        ("failed tests again on the head", witness.suite_head_again, {commits.head.sha}),
        ("inverted run", witness.inverted, {commits.head.sha}),
        ("reverted run", witness.reverted, {commits.head.sha}),
    ]
    return [
        f"The {what} ran on {run.commit[:12]}, which is not the commit that it must prove."
        for what, run, allowed in expected
        if run is not None and run.commit not in allowed
    ]


def _spec_problems(repository: RepositoryEvidence) -> list[str]:
    try:
        behaviour = parse_feature(repository.spec.feature)
    except InvalidBehaviour as error:
        return [f"The recorded spec cannot be read: {error.message}"]
    written = {one.id: (one.kind, one.title, one.criteria) for one in behaviour.scenarios}
    traced = {one.id: (one.kind, one.title, one.criteria) for one in repository.spec.scenarios}
    problems = [f"The scenario {one} differs from the recorded spec." for one in sorted(set(written) ^ set(traced))]
    problems += [
        f"The scenario {one} differs from the recorded spec."
        for one in written
        if one in traced and written[one] != traced[one]
    ]
    files = {*repository.witness.change_files, *repository.witness.preserve_files}
    for scenario in repository.spec.scenarios:
        if not any(test.partition("::")[0] in files for test in scenario.tests):
            problems.append(f"The scenario {scenario.id} is proven by no recorded test file.")
    return problems


def _test_problems(repository: RepositoryEvidence, reader: CommitReader) -> list[str]:
    witness = repository.witness
    tests, head = reader.blobs(repository.commits.tests.sha), reader.blobs(repository.commits.head.sha)
    declared = {*witness.change_files, *witness.preserve_files}
    protected = declared | {path for path in tests if is_protected(path, witness.rules.test_patterns)}
    problems = [
        f"{path} was declared as a test file, but the tests commit does not hold it."
        for path in sorted(declared - set(tests))
    ]
    problems += _instrument_problems(repository, reader)
    problems += [
        f"{path} differs between the tests commit and the head."
        for path in sorted(protected & set(tests))
        if tests[path] != head.get(path)
    ]
    base = reader.blobs(repository.commits.base.sha)
    problems += [
        f"{path} is recorded as rewritten by the test writer, but the tests commit has it as the base has it."
        for path in witness.retired_files
        if path not in base or base[path] == tests.get(path)
    ]
    return problems


def _old_test_problems(repository: RepositoryEvidence) -> list[str]:
    changing = {one.id for one in repository.spec.scenarios if one.kind is ScenarioKind.CHANGE}
    return [
        f"{one.path}::{one.name} was {one.decision} under {one.scenario}, which is no change scenario."
        for one in repository.old_tests or ()
        if one.scenario not in changing
    ]


def _old_test_notes(repository: RepositoryEvidence, reader: CommitReader) -> list[str]:
    """Compare what is recorded with the tests commit. A moved base or a person's own work makes them differ honestly."""
    altered_here = _altered_old_tests(repository, reader)
    named = {(one.path, one.name) for one in repository.old_tests or ()}
    unnamed = [
        f"{repository.name}: {path}::{test} of the base reads otherwise in the tests commit, and no scenario is recorded for it."
        for path, tests in altered_here.items()
        for test in sorted(tests)
        if (path, test) not in named and (path, "") not in named
    ]
    return unnamed + [
        f"{repository.name}: {path}::{test} is recorded as altered, but is the same in the base and the tests commit."
        for path, test in sorted(named)
        if path not in altered_here or (test and test not in altered_here[path])
    ]


def _altered_old_tests(repository: RepositoryEvidence, reader: CommitReader) -> dict[str, set[str]]:
    """Return the test files of the base that the tests commit has otherwise, each with its tests that differ or are gone."""
    commits, patterns = repository.commits, repository.witness.rules.test_patterns
    base, tests = reader.blobs(commits.base.sha), reader.blobs(commits.tests.sha)
    paths = [path for path in base if base[path] != tests.get(path) and is_test_file(path, patterns)]
    before, after = (
        reader.read(commits.base.sha, paths),
        reader.read(commits.tests.sha, [p for p in paths if p in tests]),
    )
    return {
        path: {
            name
            for names in altered_tests(path, _text(before.get(path, b"")), _text(after.get(path, b"")))
            for name in names
        }
        for path in paths
    }


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _instrument_problems(repository: RepositoryEvidence, reader: CommitReader) -> list[str]:
    """Compare what the test command reaches at the base, where the command was read, and on the head."""
    recorded = repository.witness.rules.instrument
    if recorded is None:
        return []
    instrument, commits = _INSTRUMENT.validate_python(recorded.model_dump()), repository.commits
    base, head = reader.blobs(commits.base.sha), reader.blobs(commits.head.sha)
    whole = [path for path in instrument.files if base.get(path) != head.get(path)]
    before, after = (
        {
            path: data.decode("utf-8", "replace")
            for path, data in reader.read(commit.sha, sorted(instrument.read_in_part)).items()
        }
        for commit in (commits.base, commits.head)
    )
    return [
        f"{path} decides how the tests are run, and differs between the base and the head."
        for path in (*whole, *altered(instrument, before, after))
    ]


def _verdict_problems(repository: RepositoryEvidence, reader: CommitReader) -> list[str]:
    witness, commits, places = repository.witness, repository.commits, _places(repository)
    rules = _rules(repository, reader)
    texts = reader.read(commits.tests.sha, witness.change_files)
    sources = {path: data.decode("utf-8", "replace") for path, data in texts.items()}
    scenarios = {
        scenario.id: scenario.tests for scenario in repository.spec.scenarios if scenario.kind is ScenarioKind.CHANGE
    }
    provisional = judge_red(
        report=witness.red.report, change_files=witness.change_files, scenarios=scenarios, rules=rules, sources=sources
    )
    red = confirm_red(
        provisional=provisional,
        head_report=witness.change.report,
        head=_symbols(repository, commits.head.sha, reader, places[0], places),
        scenarios=scenarios,
        sources=sources,
        heads=[
            HeadSymbols(
                root=place.root,
                language=place.language,
                symbols=_symbols(repository, commits.head.sha, reader, place, places),
            )
            for place in places
        ]
        if len(places) > 1
        else (),
    )
    problems = [] if red == witness.red_verdict else ["The red verdict does not follow from the recorded runs."]
    problems += [
        f"Scenario {verdict.scenario} has no confirmed red test." for verdict in red.scenarios if not verdict.ok
    ]
    return problems + _further_problems(repository, reader, red) + _green_problems(repository, red)


def _further_problems(repository: RepositoryEvidence, reader: CommitReader, red: RedVerdict) -> list[str]:
    """Judge the further witnesses again: what was planted follows from the tests and the recorded nonce."""
    witness, problems = repository.witness, []
    if (recorded := witness.inverted_verdict) is not None:
        contents = reader.read(repository.commits.tests.sha, witness.change_files)
        files = inverted_files(contents, recorded.nonce)
        report = None if witness.inverted is None else witness.inverted.report
        if judge_inverted(nonce=recorded.nonce, files=files, report=report, red=red) != recorded:
            problems.append("The inverted verdict does not follow from the recorded run.")
    if (called := witness.neutral_verdict) is not None:
        problems += [
            f"The neutral verdict says nothing of {test.test_id}."
            for test in red.tests
            if test.counts
            and test.test_id not in called.agreed
            and not any(sentence.startswith(f"{test.test_id}: ") for sentence in called.not_possible)
        ]
    if (turned := witness.reverted_verdict) is not None:
        seen = witness.reverted or witness.red
        if judge_reverted(report=seen.report, red=red, same_as_red=witness.reverted is None) != turned:
            problems.append("The reverted verdict does not follow from the recorded run.")
    return problems + _mutant_problems(repository, reader)


def _mutant_problems(repository: RepositoryEvidence, reader: CommitReader) -> list[str]:
    """Make the recorded mutants again: each is an edit of a product file of the head that this version knows."""
    recorded = repository.witness.mutated_verdict
    mutants = [one.mutant for one in recorded.tried] if recorded is not None else []
    patterns = repository.witness.rules.test_patterns
    sources = reader.read(repository.commits.head.sha, sorted({one.path for one in mutants}))
    return [
        f"The recorded mutant {one.in_words} is none of the head's product."
        for one in mutants
        if is_protected(one.path, patterns) or one not in mutants_of(one.path, sources.get(one.path, b""), {one.line})
    ]


def _green_problems(repository: RepositoryEvidence, red: RedVerdict) -> list[str]:
    witness = repository.witness
    problems = []
    if witness.preserve_files and (witness.preserve_base is None or witness.preserve is None):
        problems.append("The preserve tests were not run on both base and head.")
    if witness.preserve_base is not None:
        preserve = judge_preserve(witness.preserve_base.report, witness.preserve_files)
        if preserve != witness.preserve_verdict or not preserve.ok:
            problems.append("The preserve tests are not shown to pass on the base.")
    suite = compare_suites(
        base=witness.suite_base.report,
        head=witness.suite_head.report,
        second_base=witness.suite_base_again.report if witness.suite_base_again else None,
        second_head=witness.suite_head_again.report if witness.suite_head_again else None,
        retired_files=witness.retired_files,
    )
    if suite != witness.suite_verdict:
        problems.append("The comparison of the full suites does not follow from the recorded runs.")
    preserve_head = witness.preserve.report if witness.preserve else None
    green = judge_green(
        change=witness.change.report, preserve=preserve_head, suite=suite, red=red,
        inverted=witness.inverted_verdict, neutral=witness.neutral_verdict, reverted=witness.reverted_verdict,
    )  # fmt: skip
    if green != witness.green_verdict:
        problems.append("The green verdict does not follow from the recorded runs.")
    problems += [f"Not green: {problem}" for problem in green.problems]
    return problems


def _rules(repository: RepositoryEvidence, reader: CommitReader) -> RedRules:
    recorded, places = repository.witness.rules, _places(repository)
    modules = [one.own_modules for one in recorded.components] or [recorded.own_modules]
    each = [
        RedRules(
            root=place.root,
            language=place.language,
            own_modules=own,
            base=_symbols(repository, repository.commits.base.sha, reader, place, places),
            third_party=recorded.third_party,
        )
        for place, own in zip(places, modules, strict=True)
    ]
    return replace(each[0], beside=tuple(each)) if len(each) > 1 else each[0]


def _places(repository: RepositoryEvidence) -> list[SourcePlace]:
    rules = repository.witness.rules
    several = [
        SourcePlace(root=one.root, language=one.language, source_roots=one.source_roots, reads=one.reads)
        for one in rules.components
    ]
    alone = SourcePlace(root=ROOT, language=rules.language, source_roots=rules.source_roots, reads=(ROOT,))
    return several or [alone]


def _symbols(
    repository: RepositoryEvidence, sha: str, reader: CommitReader, place: SourcePlace, places: Sequence[SourcePlace]
) -> RepositorySymbols:
    """Read as the pipeline did: the sources of a commit that count for a component, without test files (`source_paths`)."""
    paths = source_paths(list(reader.blobs(sha)), place, places, repository.witness.rules.test_patterns)
    texts = {path: data.decode("utf-8", "replace") for path, data in reader.read(sha, paths).items()}
    return read_symbols(place.language, texts, place.source_roots)
