"""Makes what `PYTHONPATH` names absolute, and lets Python's own modules come before it.

Started by a `.pth` line of the environment, in every interpreter. Children of a test that start elsewhere still find relative
source roots; and a repository's `types.py` is found by those who ask for it from its own folder, not by Python itself.
"""

import os
import sys


def begin() -> None:
    """Put the roots behind the standard library and before what is installed."""
    said = [one for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one]  # noqa: TID251 - runs inside
    if not said:
        return
    roots = [os.path.abspath(one) for one in said]  # noqa: PTH100 - pathlib would be imported at every start
    os.environ["PYTHONPATH"] = os.pathsep.join(roots)  # noqa: TID251 - as above
    others = [place for place in sys.path if place not in said and place not in roots]
    installed = (at for at, place in enumerate(others) if place.endswith(("site-packages", "dist-packages")))
    at = next(installed, len(others))
    sys.path[:] = [*others[:at], *roots, *others[at:]]
