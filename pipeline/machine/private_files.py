"""Files that only their owner may read, written as a whole.

Problem: a token or key that is readable for a moment, or half written, is lost or given away. Choice: a draft beside the
file, made with its final mode, synced, then renamed. Invariant: a reader sees the old content or the new one, never less.
"""

import os
from pathlib import Path


def write_private(path: Path, content: str | bytes) -> None:
    """Replace a file as a whole; only its owner may read it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
