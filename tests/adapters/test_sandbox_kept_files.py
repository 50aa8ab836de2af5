"""Files of a writable tree that its own processes cannot change."""

from pathlib import Path

import pytest

from pipeline.adapters.sandbox.bubblewrap import Bubblewrap
from pipeline.ports import SandboxCommand


@pytest.mark.parametrize("fixed", [None, Path("/repository")], ids=["own path", "fixed path"])
@pytest.mark.parametrize(
    "how",
    [
        "echo x > {0}", "echo x >> {0}", "rm {0}", "mv {0} y", "echo x > y; mv y {0}", "ln -sf y {0}", "chmod 777 {0}; echo x > {0}",
        "umount {0}; echo x > {0}", "mount -o remount,rw {0}; echo x > {0}", "sed -i s/kept/x/ {0}",
    ],
)  # fmt: skip
async def test_kept_files_are_read_and_run_and_not_changed(
    bubblewrap: Bubblewrap, tree: Path, how: str, fixed: Path | None
) -> None:
    kept, other = tree / "tests/a test.sh", tree / "tests/other"
    kept.parent.mkdir()
    kept.write_text("echo kept")
    kept.chmod(0o755)
    other.write_text("free")
    outside = tree.parent / "outside"
    outside.write_text("of the machine")
    (tree / "link").symlink_to(outside)
    places = ["'tests/a test.sh'", f"'{kept}'", *([] if fixed is None else [f"'{fixed}/tests/a test.sh'"])]
    script = "; ".join(f"({how.format(place)}) 2>/dev/null" for place in places)
    files = (kept, tree / "link", tree / "absent", tree / "tests", tree / "../x")
    command = SandboxCommand(
        argv=("/bin/bash", "-c", f"{script}; sh 'tests/a test.sh'; echo more >> tests/other"),
        cwd=tree, writable=(tree,), kept=files, tree_at=fixed,
    )  # fmt: skip
    result = await bubblewrap.run(command)
    assert result.output == "kept\n"
    assert kept.read_text() == "echo kept"
    assert other.read_text() == "freemore\n"
    assert outside.read_text() == "of the machine"
