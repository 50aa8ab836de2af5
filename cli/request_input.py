"""What a person hands to `run` and `submit`, checked before anything starts or is sent."""

import re
import sys
from pathlib import Path
from typing import Any

from pipeline.errors import CallerError

REQUEST_MAX_BYTES = 1024 * 1024
_STDIN = "-"
_OWN_NAMES = {
    "body": "--file",
    "title": "--title",
    "remote": "--repo",
    "repositories": "--repo",
    "name": "--repo",
    "base_branch": "--base-branch",
    "test_command": "--test-command",
    "report_url": "--report-url",
}
_URL = re.compile(r"^([a-z][a-z0-9+.-]*://|[\w.-]+@[\w.-]+:)", re.IGNORECASE)


def request_text(file: str | None, title: str | None, body: str | None) -> tuple[str | None, str]:
    """Return title and text; a title of None is the text's first line. Raises `CallerError` for what is not text."""
    if (file is None) is (body is None):
        raise CallerError(
            "The request is missing." if file is None else "The request is given twice.",
            field="--file",
            remedy="Give either --file REQUEST.md, or --title and --body.",
        )
    text = body if file is None else _read(file)
    if text is None or not text.strip():
        raise CallerError(
            "The request is empty.",
            field="--body" if file is None else "--file",
            remedy="Say what should change and why, in a few sentences.",
        )
    if title is not None and not title.strip():
        raise CallerError("The title is empty.", field="--title", remedy="Leave it out, or say it in a few words.")
    return title, text


def repository(repo: str, base_branch: str | None, test_command: str | None) -> dict[str, Any]:
    """Return a repository as the API takes it: a URL, an absolute path, or the name of a registered one.

    Raises:
        CallerError: a path that is not there.
    """
    choice = {"base_branch": base_branch, "test_command": test_command}
    given = {name: value for name, value in choice.items() if value is not None}
    if not repo.strip():
        raise CallerError("The repository is empty.", field="--repo", remedy="Give a path, a URL or a registered name.")
    if _URL.match(repo):
        return {"remote": repo, **given}
    path = Path(repo).expanduser()
    if path.is_dir():
        return {"remote": str(path.resolve()), **given}
    if "/" in repo or repo.startswith((".", "~")):
        raise CallerError(
            f"There is no directory {path}.", field="--repo", remedy="Give a git repository's path, or its URL."
        )
    return {"name": repo, **given}


def in_own_words(error: CallerError) -> CallerError:
    """Return the API's refusal with the option that the person used in place of the API's field."""
    parts = (error.field or "").split(".")
    named = next((_OWN_NAMES[part] for part in reversed(parts) if part in _OWN_NAMES), error.field)
    return CallerError(error.message, field=named, remedy=error.remedy, **error.facts)


def _read(file: str) -> str:
    try:
        raw = sys.stdin.buffer.read(REQUEST_MAX_BYTES + 1) if file == _STDIN else _head(Path(file).expanduser())
    except OSError as error:
        raise CallerError(
            f"{file} cannot be read: {error.strerror}.", field="--file", remedy="Give a text file."
        ) from error
    if len(raw) > REQUEST_MAX_BYTES:
        raise CallerError(f"{file} is larger than 1 MB.", field="--file", remedy="Shorten the request.")
    if b"\x00" in raw:
        raise CallerError(f"{file} is a binary file.", field="--file", remedy="Give a text file.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CallerError(
            f"{file} is not UTF-8: byte {error.start + 1} cannot be read.",
            field="--file",
            remedy="Save it as UTF-8.",
        ) from error


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(REQUEST_MAX_BYTES + 1)
