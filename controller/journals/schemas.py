"""What the API says about imported journals."""

from datetime import datetime

from pydantic import BaseModel


class ImportedJournalView(BaseModel):
    """A journal of another installation. It is a record: it cannot be run, resumed or changed."""

    id: str
    cr_id: str
    """Its change request, where it ran."""
    title: str
    sha256: str
    imported_by: str
    imported_at: datetime
    new: bool = False
    """Whether this very call stored it."""


class ImportedJournalList(BaseModel):
    """Imported journals, newest first."""

    items: list[ImportedJournalView]
