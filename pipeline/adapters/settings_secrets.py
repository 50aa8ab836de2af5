"""Secrets that the operator set for this process: named values of the process settings.

Problem: a secret that is copied into every object that might need it is found in all of them. Choice: who needs one asks for
it by name at the moment of use. Invariant: what is missing is said with the setting that would provide it, never with a value.
"""

from collections.abc import Mapping

from pydantic import SecretStr

from pipeline.ports.secrets import SecretMissing


class SettingsSecrets:
    """Implements `pipeline.ports.SecretProvider` for one process.

    `setting` begins the names of the environment variables, and the secret's name ends them.
    """

    def __init__(self, values: Mapping[str, SecretStr], *, setting: str, process: str = "controller") -> None:
        self._values = values
        self._setting = setting
        self._process = process

    async def get(self, name: str) -> SecretStr:
        """See the port."""
        value = self._values.get(name)
        if value is None or not value.get_secret_value():
            raise SecretMissing(name, remedy=f"Set {self._setting}{name.upper()} for the {self._process}.")
        return value
