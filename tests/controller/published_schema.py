"""The description of the API as it is checked in: reading it takes a moment, making it anew takes seconds of every test process.

`tests/architecture/test_generated_pages.py` proves that it is today's controller that it describes.
"""

import functools
import json
from pathlib import Path
from typing import Any

_PAGE = Path(__file__).parents[2] / "dashboard" / "openapi.json"


@functools.cache
def published_schema() -> dict[str, Any]:
    """Return the whole OpenAPI document."""
    read: dict[str, Any] = json.loads(_PAGE.read_text(encoding="utf-8"))
    return read
