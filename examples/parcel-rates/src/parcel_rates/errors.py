"""What a caller can get wrong."""


class RateError(ValueError):
    """The parcel cannot be quoted; the message names the value and the limit."""
