"""A tiny fork server for tests of the launcher: its workers only sleep. Speaks the launcher's JSON lines."""

import json
import os
import signal
import sys
import threading

children: dict[int, dict[str, int | str]] = {}


def say(message: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def wait_for(pid: int) -> None:
    _, status = os.waitpid(pid, 0)
    say({"exited": {**children.pop(pid), "code": os.waitstatus_to_exitcode(status)}})


def main() -> None:
    say({"ready": True})
    sys.stdout.write("not json\n")
    for line in sys.stdin:
        asked = json.loads(line)
        if order := asked.get("launch"):
            pid = os.fork()
            if pid == 0:
                signal.pause()
            children[pid] = {"cr_id": order["cr_id"], "epoch": order["epoch"]}
            say({"started": {**children[pid], "pid": pid}})
            threading.Thread(target=wait_for, args=(pid,), daemon=True).start()
        elif stop := asked.get("stop"):
            for pid, name in list(children.items()):
                if name == stop:
                    os.kill(pid, signal.SIGTERM)
    for pid in list(children):
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
