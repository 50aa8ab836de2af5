"""How long to wait before another try: growing, bounded, and spread where many would come back together.

Problem: the same formula stood in four places, each with a bound of its own against overflow. Choice: one frozen value
that says first, longest and growth. Invariant: no wait is ever longer than `longest_s`.
"""

import random
from dataclasses import dataclass

_GROWS_MAX = 64
"""Beyond so many failures no pause grows any more, so that no float overflows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackOff:
    """Growing pauses. `spread` takes a random part off, so that several who failed together do not come back together."""

    first_s: float
    longest_s: float
    factor: float = 2.0
    spread: bool = False

    def after(self, failures: int) -> float:
        """Return the pause after that many failures in a row; the first is 1."""
        pause_s = min(self.longest_s, self.first_s * self.factor ** min(failures - 1, _GROWS_MAX))
        return pause_s * random.uniform(0.5, 1.0) if self.spread else pause_s  # noqa: S311 - spreads load, protects nothing
