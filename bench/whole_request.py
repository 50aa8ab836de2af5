"""stub"""
from bench.figures import Figure
from bench.installation import Installation


def measure(installation: Installation, *, quick: bool) -> list[Figure]:
    """Stub."""
    return []
