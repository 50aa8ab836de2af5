"""How long to wait before something that failed is tried again: the one place that counts it.

Problem: every caller that tries again counts its pauses by itself, and each forgets something else (a limit, the other side's
wish, that many come back at once). Choice: one value says how pauses grow; a wish of the other side wins over a shorter pause
or replaces it, as its caller decides. Invariant: every pause is bounded, whatever the number of failures.
"""

import random
from dataclasses import dataclass

_EXPONENT_MAX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class BackOff:
    """Pauses that grow from `first_s` to `longest_s`."""

    first_s: float
    longest_s: float
    factor: float = 2.0
    spread: float = 0.0
    """The part of a pause of which chance takes off some, so that many do not come back together; 0 to 1."""

    def pause_s(self, failures: int) -> float:
        """Return the pause after so many failures in a row, counted from 1."""
        grown = self.first_s * self.factor ** min(max(failures, 1) - 1, _EXPONENT_MAX)
        longest = min(grown, self.longest_s)
        if self.spread == 0:
            return longest
        return longest * random.uniform(1 - self.spread, 1)  # noqa: S311 - spreads load, protects nothing

    def within(self, failures: int, wish_s: float | None, *, wish_max_s: float) -> float:
        """Return the pause, or the other side's wish where it is longer, up to `wish_max_s`."""
        return max(min(wish_s or 0.0, wish_max_s), self.pause_s(failures))
