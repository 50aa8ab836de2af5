"""Reading the log of a test run, whole or in parts. The database cuts, so a page costs a page."""

from controller.context import ControllerContext
from controller.test_logs.schemas import LogPage
from pipeline.access import Principal
from pipeline.errors import CallerError, NotFound
from pipeline.proof import test_logs
from pipeline.proof.stored_runs import output_tail_of
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.work import ArtifactPart, Work

PAGE_MAX_BYTES = 256 * 1024
OFFSET_MAX = 2**30
_NOT_STORED = (
    "The whole log of this run was never stored: it was made by a version of Changeline that kept only the end of the "
    "output. That end is shown."
)
_NOTHING = "No log of this run was stored, and its report holds no output."


async def page(
    context: ControllerContext, principal: Principal, cr_id: str, run_id: str, *, offset: int, limit: int
) -> LogPage:
    """Return a part of the log. A part ends at a line's end, or within a line that is longer than a part."""
    async with context.database.transaction(principal.tenant) as connection:
        work = Work(connection, cr_id=cr_id, attempt=(await ChangeRequests(connection).get(cr_id)).attempt)
        found, note = await _part(work, run_id, offset=offset, limit=limit)
    if offset > found.size_bytes:
        raise CallerError(
            f"This log has {found.size_bytes:,} bytes.", field="offset", remedy="Begin again at 0.", offset=offset
        )
    content = _whole_lines(found.content) if offset + len(found.content) < found.size_bytes else found.content
    end = offset + len(content)
    return LogPage(
        run_id=run_id, text=content.decode(errors="replace"), offset=offset,
        next_offset=end if end < found.size_bytes else None, size_bytes=found.size_bytes, whole=not note,
        cut=test_logs.LogFacts.model_validate(found.facts).cut, note=note,
    )  # fmt: skip


async def whole(context: ControllerContext, principal: Principal, cr_id: str, run_id: str) -> bytes:
    """Return the log as it is stored; what is missing is said in its first line."""
    async with context.database.transaction(principal.tenant) as connection:
        work = Work(connection, cr_id=cr_id, attempt=(await ChangeRequests(connection).get(cr_id)).attempt)
        found, note = await _part(work, run_id, offset=0, limit=OFFSET_MAX)
    return f"[{note}]\n".encode() + found.content if note else found.content


async def _part(work: Work, run_id: str, *, offset: int, limit: int) -> tuple[ArtifactPart, str]:
    """Return a part of the log and, when the log is not whole, why."""
    run = await work.test_run(run_id)
    if run is None:
        raise NotFound("test run", run_id, remedy="List the test runs of this change request; their ids are there.")
    name = test_logs.name_of(run.repository, run.activation, run.purpose, run.commit)
    found = await work.artifact_part(test_logs.KIND, name, offset=offset, limit=limit)
    if found is not None:
        return found, ""
    tail = test_logs.plain_text(output_tail_of(run)).encode(errors="replace")
    part = ArtifactPart(content=tail[offset : offset + limit], size_bytes=len(tail), facts={})
    return part, _NOT_STORED if tail else _NOTHING


def _whole_lines(content: bytes) -> bytes:
    """Cut after the last line that is whole; within a line, never within a character."""
    end = content.rfind(b"\n") + 1
    if end == 0:
        end = len(content.decode(errors="ignore").encode())
    return content[:end]
