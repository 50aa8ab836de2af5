"""Exporting and importing journals. A file is checked as a whole before anything of it is stored."""

import asyncio
from dataclasses import asdict

from controller.context import ControllerContext
from controller.errors import TooLarge
from controller.journals.schemas import ImportedJournalList, ImportedJournalView
from pipeline.access import Principal
from pipeline.replay import file
from pipeline.store.audit import Audit
from pipeline.store.imported_journals import ImportedJournals
from pipeline.store.journal_export import export_body


async def export(context: ControllerContext, principal: Principal, cr_id: str) -> bytes:
    """Return the journal of a change request as a file."""
    async with context.database.transaction(principal.tenant) as connection:
        body = await export_body(connection, cr_id)
    content = await asyncio.to_thread(file.write, body)
    if len(content) > file.FILE_MAX_BYTES:
        raise TooLarge(
            f"The journal of {cr_id} is larger than {file.FILE_MAX_BYTES:,} bytes.", field="cr_id",
            remedy="It cannot be exported.",
        )  # fmt: skip
    return content


async def keep(context: ControllerContext, principal: Principal, content: bytes) -> ImportedJournalView:
    """Keep a file that can be replayed; anything else is refused."""
    recording = await asyncio.to_thread(file.read, content)
    header = recording.body.change_request
    async with context.database.transaction(principal.tenant) as connection:
        kept, new = await ImportedJournals(connection).keep(
            cr_id=header.id, title=header.title, sha256=file.digest(content), content=content, imported_by=principal.id
        )
        if new:
            await Audit(connection).note(principal.id, "journal.import", kept.id, sha256=kept.sha256)
    return ImportedJournalView(**asdict(kept), new=new)


async def list_imported(context: ControllerContext, principal: Principal) -> ImportedJournalList:
    """Return imported journals, newest first."""
    async with context.database.transaction(principal.tenant) as connection:
        found = await ImportedJournals(connection).all()
    return ImportedJournalList(items=[ImportedJournalView(**asdict(one)) for one in found])


async def content(context: ControllerContext, principal: Principal, journal_id: str) -> bytes:
    """Return an imported file."""
    async with context.database.transaction(principal.tenant) as connection:
        return await ImportedJournals(connection).content(journal_id)
