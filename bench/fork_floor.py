"""A process that has imported what a worker imports, forks, and times each child up to its first open connection.

`python -m bench.fork_floor N` reads the database's address from its input and prints N times in milliseconds. It is a
process of its own because a fork wants a parent without threads, as the fork server is.
"""

import gc
import json
import os
import sys
import time

import psycopg

import worker.main


def main() -> None:
    """Fork as often as asked."""
    url = sys.stdin.read().strip()
    gc.freeze()
    json.dump([_fork_once(url) for _ in range(int(sys.argv[1]))], sys.stdout)


def _fork_once(url: str) -> float:
    reading, writing = os.pipe()
    started = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        with psycopg.connect(url):
            os.write(writing, b"1")
        os._exit(0)
    os.read(reading, 1)
    took_ms = (time.perf_counter() - started) * 1000
    os.waitpid(pid, 0)
    os.close(reading)
    os.close(writing)
    return took_ms


if __name__ == "__main__":
    # What the import is for: the child's memory map is as large as a worker's.
    if not worker.main.__doc__:
        sys.exit("the worker could not be imported")
    main()
