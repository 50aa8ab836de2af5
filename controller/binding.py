"""Where a controller may listen, loopback or anything behind TLS, and by which scheme it is reached there.

Apart from the rest of the door, because `up` refuses an address before anything heavy is imported.
"""

import ipaddress

from pipeline.errors import CallerError
from pipeline.settings.process import ControllerSettings, ProcessSettings


def check_binding(settings: ProcessSettings) -> None:
    """Raise `CallerError` when the address would offer tokens and code in the clear to other machines."""
    door = settings.controller
    if (door.tls_certificate is None) is not (door.tls_key is None):
        raise CallerError(
            "A certificate and its key belong together.", field="controller.tls_key",
            remedy="Set CHANGELINE_CONTROLLER__TLS_CERTIFICATE and CHANGELINE_CONTROLLER__TLS_KEY.",
        )  # fmt: skip
    if is_loopback(door.host) or door.behind_proxy or door.tls_certificate is not None:
        return
    raise CallerError(
        f"Listening on {door.host} without TLS would send tokens in the clear.", field="controller.host",
        remedy="Listen on 127.0.0.1, set a certificate and key, or set CHANGELINE_CONTROLLER__BEHIND_PROXY=true "
        "if a TLS-terminating proxy stands in front.",
    )  # fmt: skip


def public_scheme(door: ControllerSettings) -> str:
    """Return the scheme by which browsers reach the controller; behind a proxy it is the proxy's, which terminates TLS."""
    return "https" if door.behind_proxy or door.tls_certificate is not None else "http"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
