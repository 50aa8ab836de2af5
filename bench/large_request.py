"""A whole change request on thirty thousand files, and what of it is neither a test run nor what a tiny repository takes.

The change is that of the tiny repository, and so are the answers of the model. Test runs are taken out: how long pytest looks
for tests among so many files is the repository's. The floor is the same change of the tiny repository in the same processes a
moment before, also without its test runs, and one `git checkout` of the thirty thousand files.
"""

import tempfile
from pathlib import Path

from bench import sample, trees
from bench.door import door
from bench.figures import Figure, Floor, figure
from bench.installation import Installation
from bench.whole_request import carry, stopwatches

GROUP = "30,000 files"
_AIM_S = 60.0
_WAIT_S = 1_200.0


def measure(installation: Installation, *, quick: bool) -> list[Figure]:  # noqa: ARG001 - once is as quick as it gets
    """Carry the tiny repository's change twice, the first time to build its environment, then the large one's."""
    record = stopwatches(installation)
    with tempfile.TemporaryDirectory(dir=installation.root, prefix="large-") as directory:
        top = Path(directory)
        large = trees.large_repository(top / "large", sample.FILES)
        checked_out, *_ = trees.floors(top, large)
        with door(installation) as opened:
            _, tiny = (carry(opened, record, sample.repository(top / f"tiny-{number}")) for number in range(2))
            line = carry(opened, record, large, within_s=_WAIT_S)
    floor = Floor("the same of a tiny repository + git checkout", tiny.beyond_tests_s + checked_out)
    return [
        figure(GROUP, "request beyond its tests", [line.beyond_tests_s], "s", floor=floor, aim=_AIM_S),
        figure(GROUP, "submit to completed, approved at once", [line.wall_s], "s"),
        figure(GROUP, "of that test runs", [line.tests_s], "s"),
        figure(GROUP, "of that git", [line.git_s], "s"),
        figure(GROUP, "of that tools of agents", [line.tools_s], "s"),
        figure(GROUP, "floor: git checkout", [checked_out], "s"),
    ]
