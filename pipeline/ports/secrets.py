"""Secrets by name, from whoever keeps them."""

from typing import Protocol

from pydantic import SecretStr

from pipeline.errors import CallerError


class SecretMissing(CallerError):
    """No secret of that name is kept, or an empty one. `remedy` says where to set it; the value was never seen."""

    def __init__(self, name: str, *, remedy: str) -> None:
        super().__init__(f"No secret named {name!r} is configured.", field="secret", remedy=remedy)


class SecretProvider(Protocol):
    """Keeps secrets. Settings and rows hold names; values are asked for where they are used, and kept nowhere.

    Values travel as `SecretStr`, so that they show in no representation, log or error.
    """

    async def get(self, name: str) -> SecretStr:
        """Return the present value, never empty.

        Raises `SecretMissing`, and `TransientError` while the keeper cannot be reached.
        """
