"""`backup` and `restore`."""

from pathlib import Path
from typing import Annotated

import typer

from cli.local import backup as archive
from cli.options import Json
from cli.session import begin

app = typer.Typer()

BackupFile = Annotated[Path, typer.Argument(metavar="FILE")]


@app.command()
def backup(file: BackupFile, *, as_json: Json = False) -> None:
    """Save the database, the artifacts and the keys in one file.

    Works while Changeline runs and while it does not. The file holds secrets; only you may read it.
    """
    with begin(as_json=as_json) as session:
        done = archive.backup(session.settings, file.absolute(), report=session.out.note)
        if as_json:
            session.out.value({"file": str(done.file), "files": done.files, "size_bytes": done.size_bytes})
        session.out.line(f"Saved {done.files} files, {done.size_bytes / 1024**2:.1f} MB, to {done.file}.")


@app.command()
def restore(
    file: BackupFile,
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace what the data directory holds.")] = False,
    as_json: Json = False,
) -> None:
    """Make the data directory what a backup holds.

    Nothing may run on it. Until everything is checked, nothing is changed.
    """
    with begin(as_json=as_json) as session:
        archive.restore(session.settings, file.absolute(), report=session.out.note, force=force)
        if as_json:
            session.out.value({"restored": str(file)})
        session.out.line("Restored. Start it with: changeline up")
