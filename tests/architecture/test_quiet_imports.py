"""Importing a module does nothing but define it: no file written, no socket, no process, no directory.

All modules are imported in one fresh interpreter under an audit hook. What a third-party package does while it is imported
counts too, unless it is listed here with the reason why we live with it.
"""

import json
import subprocess
import sys

from tests.architecture.source_tree import ROOMS, ROOT, module_name, python_files

TOLERATED = {
    "git": "GitPython asks the git binary for its version when it is imported; the adapter alone imports it",
    "urllib3": "comes with detect-secrets; looks once whether the machine speaks IPv6, on its own loopback",
}

PROBE = r"""
import gc, importlib, json, os, sys

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
LOUD = ("socket.", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.mkdir", "os.remove",
        "os.rename", "os.rmdir", "os.link", "os.symlink", "os.chmod", "os.chown", "os.truncate", "shutil.")
seen = []
gc.disable()  # nothing of what is imported is garbage

def hook(event, args):
    if event == "open":
        flags = args[2] if isinstance(args[2], int) else 0
        if not flags & WRITES or args[0] == os.devnull:
            return
    elif not event.startswith(LOUD):
        return
    frame = sys._getframe(1)
    while frame and "site-packages" not in frame.f_code.co_filename:
        frame = frame.f_back
    package = frame.f_code.co_filename.split("site-packages/")[-1].split("/")[0] if frame else "ours"
    seen.append([package, wanted, event, repr(args)[:200]])

sys.addaudithook(hook)
for wanted in sys.argv[1:]:
    importlib.import_module(wanted)
json.dump(seen, sys.stdout)
"""


def test_importing_does_nothing() -> None:
    names = [module_name(path) for path in python_files(*ROOMS) if not path.endswith("__main__.py")]
    probed = subprocess.run(
        [sys.executable, "-B", "-c", PROBE, *names],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
    )  # fmt: skip
    assert probed.returncode == 0, probed.stderr
    loud = [deed for deed in json.loads(probed.stdout) if deed[0] not in TOLERATED]
    assert loud == []
