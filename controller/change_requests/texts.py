"""What a request's text may be, wherever it comes from."""

from controller.errors import TooLarge


def check_size(title: str, body: str, limit: int) -> None:
    """Raise `TooLarge` for more than `limit` bytes."""
    size = len(title.encode()) + len(body.encode())
    if size > limit:
        raise TooLarge(
            f"The request text has {size} bytes; at most {limit} are allowed.", field="body",
            remedy="Shorten it, or let an admin raise `pipeline.request_max_bytes`.", size_bytes=size, max_bytes=limit,
        )  # fmt: skip
