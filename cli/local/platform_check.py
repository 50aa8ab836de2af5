"""Which machines `changeline up` runs on, said before anything is created.

Choice: a refusal names the way that does work. Invariant: without isolation of tools nothing starts unless the operator
allowed exactly that in the settings.
"""

import platform
import sys

from pipeline.errors import CallerError
from pipeline.settings.process import ProcessSettings

_LINUX_MACHINES = frozenset({"x86_64", "amd64", "aarch64", "arm64"})


def check_platform(settings: ProcessSettings, *, system: str | None = None, machine: str | None = None) -> None:
    """Raise CallerError on a machine that cannot run the local servers. The parameters default to this machine."""
    system = system or sys.platform
    machine = (machine or platform.machine()).lower()
    if system in {"win32", "cygwin", "msys"}:
        raise CallerError(
            "Changeline does not run on Windows itself.",
            remedy="Install it inside WSL2 (`wsl --install`) and start it there.",
        )
    if system == "darwin":
        if not settings.sandbox.allow_uncontained:
            raise CallerError(
                "macOS cannot isolate the tools that agents run.",
                field="CHANGELINE_SANDBOX__ALLOW_UNCONTAINED",
                remedy="Set CHANGELINE_SANDBOX__ALLOW_UNCONTAINED=true to run them without isolation, or use Linux.",
            )
        return
    if system != "linux" or machine not in _LINUX_MACHINES:
        raise CallerError(
            f"Changeline does not run on {system} {machine}.", remedy="Use Linux on x86-64 or arm64, or macOS."
        )
