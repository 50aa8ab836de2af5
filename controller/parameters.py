"""What addresses and queries may say: anything that cannot be an id is refused before it reaches the database."""

from typing import Annotated

from fastapi import Path, Query

from controller.text import IDENTIFIER, Searched

ChangeRequestId = Annotated[str, Path(pattern=IDENTIFIER)]
Identifier = Annotated[str, Path(pattern=IDENTIFIER)]
VersionNumber = Annotated[int, Path(ge=0, le=2**31 - 1)]

Filter = Annotated[Searched | None, Query(max_length=200)]
"""One filter of a list."""
