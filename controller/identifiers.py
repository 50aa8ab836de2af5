"""Ids in addresses: anything that cannot be an id is refused before it reaches the database."""

from typing import Annotated

from fastapi import Path

IDENTIFIER = r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$"

ChangeRequestId = Annotated[str, Path(pattern=IDENTIFIER)]
Identifier = Annotated[str, Path(pattern=IDENTIFIER)]
VersionNumber = Annotated[int, Path(ge=0, le=2**31 - 1)]
