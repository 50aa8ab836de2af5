"""What a launcher tells a worker: which change request, which attempt, which epoch."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One lease to execute. Launching the same order twice is launching it once: the epoch decides."""

    tenant: str
    cr_id: str
    attempt: int
    epoch: int
