. "$TRIALS/case.sh"
# tests that use the machine: home, temporary files, sockets, processes, locale, zones, metadata
init
mkdir -p 'acme'; : > acme/__init__.py
mkdir -p 'acme'; cat > acme/core.py <<'Y'
def add(a, b):
    return a + b


def main():
    print('sum', add(1, 2))
Y
mkdir -p 'tests'; cat > tests/test_core.py <<'Y'
from acme.core import add


def test_add():
    assert add(1, 2) == 3
Y
cat > pyproject.toml <<'Y'
[project]
name = "acme"
version = "1.0"
[build-system]
requires = ["setuptools>=64"]
build-backend = "setuptools.build_meta"
[tool.setuptools]
packages = ["acme"]
[tool.setuptools.package-data]
acme = ["*.txt"]
[project.scripts]
acme-add = "acme.core:main"
Y
mkdir -p 'acme'; cat > acme/words.txt <<'Y'
größe
Y
mkdir -p 'tests'; cat > tests/test_machine.py <<'Y'
import asyncio
import getpass
import importlib.metadata
import importlib.resources
import locale
import multiprocessing
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import zoneinfo
from concurrent.futures import ProcessPoolExecutor


def square(n):
    return n * n


def test_home_and_temporary_files_are_new():
    for left in (pathlib.Path.home() / ".acme-left", pathlib.Path("/tmp/acme-left")):
        assert not left.exists()
        left.write_text("x")
    assert pathlib.Path(tempfile.gettempdir()).is_dir()
    assert getpass.getuser()


def test_sockets():
    for host in ("localhost", "127.0.0.1", ""):
        with socket.create_server((host, 0)) as server:
            socket.create_connection(("127.0.0.1", server.getsockname()[1])).close()
    assert socket.gethostbyname(socket.gethostname())


def test_asyncio_server():
    async def go():
        server = await asyncio.start_server(lambda r, w: w.close(), "localhost", 0)
        reader, writer = await asyncio.open_connection("localhost", server.sockets[0].getsockname()[1])
        await reader.read()
        writer.close()
        server.close()

    asyncio.run(go())


def test_script(tmp_path):
    done = subprocess.run(["acme-add"], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout == "sum 3\n", done.stderr
    assert subprocess.run([sys.executable, "-c", "import acme.core"], cwd=tmp_path).returncode == 0


def test_metadata_and_resources():
    assert importlib.metadata.version("acme") == "1.0"
    assert (importlib.resources.files("acme") / "words.txt").read_text("utf-8") == "gr\u00f6\u00dfe\n"


def test_locale_and_zones(monkeypatch):
    locale.setlocale(locale.LC_ALL, "")
    assert pathlib.Path("acme/words.txt").read_text() == "gr\u00f6\u00dfe\n"
    zoneinfo.ZoneInfo("Europe/Berlin")
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    assert time.localtime(0).tm_hour == 19


def test_processes():
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(square, [1, 2]) == [1, 4]
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert list(pool.map(square, [1, 2])) == [1, 4]
    with multiprocessing.Manager() as manager:
        assert manager.dict(a=1)["a"] == 1
Y
done_
cat > test.sh <<'X'
mkdir -p 'tests'; cat > tests/test_double.py <<'Y'
import acme.core as calc


def test_s1_double():
    assert calc.double(4) == 8
Y
X
cat > code.sh <<'X'
printf '\n\ndef double(n):\n    return n * 2\n' >> acme/core.py
X
printf 'change\ttests/test_double.py\ttest_s1_double\n' > proof.txt; echo acme/core.py > paths.txt
req "# Double a number" "" "double(n) returns n times 2."
