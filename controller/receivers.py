"""Addresses that people name for deliveries, checked before they are stored."""

from pipeline.errors import CallerError
from pipeline.ports import Webhooks


async def check_receiver(webhooks: Webhooks | None, url: str, secret: str, field: str) -> None:
    """Raise `CallerError` on `field` when this controller could never deliver there."""
    if webhooks is None:
        raise CallerError("This controller delivers nothing.", field=field, remedy="Leave it out.")
    try:
        await webhooks.check(url, secret)
    except CallerError as error:
        where = field if error.field == "url" else f"{field} ({error.field})"
        raise CallerError(error.message, field=where, remedy=error.remedy, **error.facts) from error
