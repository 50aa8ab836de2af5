"""Logging of the controller process: structured, to standard error, with secrets taken out.

Set up by `serve` only. Lines are JSON when nobody watches on a terminal. The redaction looks at every value of every
line, because secrets arrive in messages and tracebacks that nobody meant to log.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

_REPLACED = "[redacted]"
_SECRETS = (
    re.compile(r"(?i)(?<=bearer )[a-z0-9._~+/=-]{8,}"),
    re.compile(r"\bcl_[a-z0-9][a-z0-9_-]{0,62}_[0-9a-f]{48}\b"),
    re.compile(r"(?<=://)[^\s/@]*:[^\s/@]*(?=@)"),
    re.compile(r"\bsk-[A-Za-z0-9_-]{16,}"),
    re.compile(r"\bgh[pousr]_[A-Za-z0-9]{20,}"),
)
_SECRET_NAMES = re.compile(r"(?i)password|secret|token$|api_?key|authorization|cookie")
_DEPTH_MAX = 6


def redact(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take secrets out of a log line: values under telling names, and whatever looks like one anywhere."""
    return {key: _REPLACED if _SECRET_NAMES.search(key) else _clean(value, 0) for key, value in line.items()}


def set_up(level: str, *, stream: TextIO = sys.stderr) -> None:
    """Configure structlog and route the standard library's loggers through it."""
    terminal = stream.isatty()
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    renderer: Any = structlog.dev.ConsoleRenderer(colors=True) if terminal else structlog.processors.JSONRenderer()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    if not root.isEnabledFor(logging.DEBUG):
        # A line for each request says nothing that ours do not, and names a provider even when only a recording answers.
        logging.getLogger("httpx2").setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _clean(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        for secret in _SECRETS:
            value = secret.sub(_REPLACED, value)
        return value
    if depth >= _DEPTH_MAX:
        return value
    if isinstance(value, dict):
        return {
            key: _REPLACED if _SECRET_NAMES.search(str(key)) else _clean(inner, depth + 1)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_clean(inner, depth + 1) for inner in value]
    return value if isinstance(value, int | float | bool | None) else _clean(str(value), depth + 1)
