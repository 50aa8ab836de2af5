"""Ends the servers when their supervisor was killed without a chance to do so.

Problem: after `kill -9` of the supervisor its children live on. `PR_SET_PDEATHSIG` follows the thread that forked, is
reset by a change of user and does not exist on macOS. Choice: a shell of 1 MB that reads a pipe held by the supervisor
alone; when the pipe ends without a `release`, it stops what it was told to watch, all at once and within 15 s. Invariant: the
supervisor says `forget` only after it reaped the process, so the guard never signals a number that was given away.
"""

import contextlib
import signal
import subprocess

_SCRIPT = """
trap '' HUP INT TERM QUIT
watched=
while read -r verb pid name; do
    case $verb in
    watch) watched="$pid:$name $watched" ;;
    forget)
        kept=
        for entry in $watched; do [ "${entry%%:*}" = "$pid" ] || kept="$kept $entry"; done
        watched=$kept
        ;;
    release) exit 0 ;;
    esac
done
tries=0
for entry in $watched; do kill -s "${entry#*:}" "${entry%%:*}" 2>/dev/null; done
for entry in $watched; do
    while kill -s 0 "${entry%%:*}" 2>/dev/null && [ "$tries" -lt 150 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    kill -s KILL -- "-${entry%%:*}" 2>/dev/null
done
"""


class Guard:
    """One guard per supervisor. Not safe for several threads at once; the supervisor's lock covers it."""

    def __init__(self) -> None:
        self._watched: dict[int, signal.Signals] = {}
        self._shell = _start()

    @property
    def pid(self) -> int:
        """Of the present shell."""
        return self._shell.pid

    def watch(self, pid: int, stop_signal: signal.Signals) -> None:
        """From now on the process ends with the supervisor."""
        self._watched[pid] = stop_signal
        self._say(f"watch {pid} {_plain(stop_signal)}")

    def forget(self, pid: int) -> None:
        """The process was reaped."""
        self._watched.pop(pid, None)
        self._say(f"forget {pid}")

    def renew_if_dead(self) -> None:
        """Somebody may have killed the guard itself."""
        if self._shell.poll() is None:
            return
        if self._shell.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._shell.stdin.close()
        self._shell = _start()
        for pid, stop_signal in self._watched.items():
            self._say(f"watch {pid} {_plain(stop_signal)}")

    def release(self) -> None:
        """Everything ended in good order."""
        self._say("release")
        if self._shell.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._shell.stdin.close()
        self._shell.wait()

    def _say(self, line: str) -> None:
        pipe = self._shell.stdin
        if pipe is None or pipe.closed:
            return
        # A dead guard is replaced by `renew_if_dead`, which repeats what it must watch.
        with contextlib.suppress(BrokenPipeError):
            pipe.write(f"{line}\n".encode())
            pipe.flush()


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["/bin/sh", "-c", _SCRIPT],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin"},
        cwd="/",
        start_new_session=True,
    )


def _plain(number: signal.Signals) -> str:
    return number.name.removeprefix("SIG")
