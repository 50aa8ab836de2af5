"""Writing a first `.changeline/repository.yaml` into the checkout that a person stands in.

Choice: only where a git checkout is, only where no such file is yet, and without following links, because a checkout may be a
stranger's. Nothing is committed: the person reads it, corrects it, and does that.
"""

import os
from pathlib import Path

from pipeline.errors import CallerError
from pipeline.repositories.repository_file import REPOSITORY_FILE


def place_of_starting_file(standing_in: Path) -> Path:
    """Return where it goes: at the top of the checkout around a directory. Raises `CallerError` where it cannot."""
    top = next((place for place in (standing_in, *standing_in.parents) if (place / ".git").exists()), None)
    if top is None:
        raise CallerError(
            f"{standing_in} is in no git checkout.", field="--write", remedy="Go to a checkout of the repository first."
        )
    file = top / REPOSITORY_FILE
    if os.path.lexists(file):
        raise _there_already(file)
    return file


def write_starting_file(text: str, file: Path) -> None:
    """Write it where nothing is. Raises `CallerError`."""
    if not text:
        raise CallerError(
            "The check found nothing that such a file could state.", field="--write",
            remedy="Set a test_command first, and check again.",
        )  # fmt: skip
    try:
        file.parent.mkdir(exist_ok=True)
        if file.parent.is_symlink():
            raise CallerError(f"{file.parent} is a link.", field="--write", remedy="Make it a directory.")
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    except FileExistsError as error:
        raise _there_already(file) from error
    except OSError as error:
        raise CallerError(f"{file} cannot be written: {error.strerror}.", field="--write") from error
    with open(descriptor, "w", encoding="utf-8") as stream:  # noqa: PTH123 - by descriptor
        stream.write(text)


def _there_already(file: Path) -> CallerError:
    return CallerError(
        f"{file} is there already.", field="--write", remedy="Move it away to compare it with a new one."
    )
