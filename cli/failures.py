"""From an exception that left a command to one sentence, a remedy and an exit code."""

import sys

from pydantic import ValidationError

from cli.client import Unreachable
from cli.exits import Exit
from cli.output import refuse
from pipeline.errors import CallerError, ChangelineError, TransientError
from pipeline.settings.process import ProcessSettings

HOW_TO_SEE_MORE = "Run it again with CHANGELINE_LOG_LEVEL=debug to see the traceback."


def explain(error: Exception, *, as_json: bool, trace: str) -> int:
    """Print why a command failed and return its exit code; the traceback only when the log level is `debug`."""
    if _is_debugging():
        sys.stderr.write(trace)
    match error:
        case CallerError():
            refuse(error.message, field=error.field, remedy=error.remedy, as_json=as_json)
            return Exit.USAGE
        case Unreachable():
            refuse(error.message, field=None, remedy=error.remedy, as_json=as_json)
            return Exit.UNREACHABLE
        case TransientError():
            refuse(error.message, field=None, remedy="Try again in a moment.", as_json=as_json)
            return Exit.UNREACHABLE
        case ChangelineError():
            refuse(error.message, field=None, remedy=HOW_TO_SEE_MORE, as_json=as_json)
            return Exit.INTERNAL
        case _:
            said = f"{type(error).__name__}: {error}".strip().splitlines()[0]
            refuse(f"This is a bug of Changeline: {said}", field=None, remedy=HOW_TO_SEE_MORE, as_json=as_json)
            return Exit.INTERNAL


def _is_debugging() -> bool:
    try:
        return ProcessSettings().log_level.lower() == "debug"
    except ValidationError:
        return False
