"""The components' test runs of one purpose: which component runs which files, each in a clean checkout, the log kept before all else.

Stages go through `proving`, which judges what is asked for and stores what came of it.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias

from pipeline.proof import test_logs
from pipeline.proof.owners import owner_of
from pipeline.proof.test_reports import TestReport
from pipeline.proof.test_runs import run_tests
from pipeline.proof.untrusted_files import write_over
from pipeline.records import RunPurpose
from pipeline.stage import trees
from pipeline.stage.artifacts import Bytes
from pipeline.stage.prepared import Part, Prepared
from pipeline.stage.run import StageRun

LOG = Bytes(test_logs.KIND, "text/plain; charset=utf-8")
Asked: TypeAlias = Sequence[tuple[Part, tuple[str, ...] | None]]
"""Which component runs which of its test files; None is all of its suite."""


def at(asked: Asked, roots: Collection[str]) -> Asked:
    """Return what of it is asked of the components at these roots."""
    return [(part, files) for part, files in asked if part.root in roots]


async def run_each(
    run: StageRun,
    name: str,
    commit: str,
    purpose: RunPurpose,
    asked: Asked,
    *,
    restored: Mapping[str, bytes | None] | None = None,
    left_out: Mapping[str, Collection[str]] | None = None,
    beside: Mapping[str, Sequence[str]] | None = None,
    unplanted: str = "",
    logs: list[test_logs.RunLog] | None = None,
    deciding: Collection[str] = (),
    keeps_log: bool = True,
    timeout_s: int | None = None,
) -> dict[str, TestReport]:
    """Run what is asked of each component, and return its report by root. The rest is as in `run_tests`."""
    logs = [] if logs is None else logs
    limits = run.context.settings.pipeline
    limits = limits if timeout_s is None else limits.model_copy(update={"test_timeout_s": timeout_s})

    async def keep_log(log: test_logs.RunLog) -> None:
        logs.append(log)
        kept_as = test_logs.name_of(name, run.activation, purpose, commit)
        text = "\n".join(one.text for one in logs)
        await LOG.save(run.context.artifacts, kept_as, text.encode(), {"cut": any(one.cut for one in logs)})

    reports: dict[str, TestReport] = {}
    for part, files in asked:
        async with trees.checked_out(run, name, commit) as tree:
            write_over(tree, restored or {})
            reports[part.root] = await run_tests(
                stack=part.stack, tree=tree, environment=part.environment, sandbox=run.context.sandbox,
                selection=files, limits=limits, left_out=left_out, keep_log=keep_log if keeps_log else None,
                beside=None if beside is None else beside.get(part.root, ()), unplanted=unplanted,
                guarded={*(files or ()), *deciding},
            )  # fmt: skip
    return reports


def asked_of(
    name: str, prepared: Prepared, selection: Sequence[str] | None, roots: Collection[str] | None
) -> tuple[list[tuple[Part, tuple[str, ...] | None]], list[str]]:
    """Return which part runs what, and what to say of files that lie in no component."""
    if selection is None:
        return [(part, None) for part in prepared.at(roots)], []
    owners = {path: owner_of(path, prepared.stacks) for path in selection}
    prepared.needs(name, {owner.root for owner in owners.values() if owner is not None})
    asked: list[tuple[Part, tuple[str, ...] | None]] = [
        (part, files)
        for part in prepared.parts
        if (files := tuple(path for path, owner in owners.items() if owner is not None and owner.root == part.root))
    ]
    where = ", ".join(stack.root for stack in prepared.stacks)
    homeless = [
        f"{path} lies in no component of this repository ({where}), so no suite runs it; put it into one of them."
        for path, owner in owners.items()
        if owner is None
    ]
    return asked, homeless
