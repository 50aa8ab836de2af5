"""Runs the tests of some files without a runner, and, where that fails, with one that hides nothing.

Problem: code under test can find out that a test calls it, and be right there alone. Choice: the frame of this package calls the
same assertions in a plain process, in which modules, functions, arguments, files, the user and the environment have names that
nobody knew. The frame is no full stand-in for a runner, so what fails there is called by the same frame from within the real
runner, under the original names (disclosed): only what passes in that and fails in the other speaks against the code.
"""

import asyncio
import secrets
import string
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ValidationError

from pipeline.limits import Limits
from pipeline.machine import tree_walk
from pipeline.ports import ACCOUNT, Environment, Sandbox, SandboxCommand, Stack
from pipeline.proof.neutral.driver import (
    Plan,
    PlannedFile,
    disclosed_file,
    disclosed_module,
    neutral_program,
)
from pipeline.proof.neutral.form import Form, Libraries, NotPossible, form_of
from pipeline.proof.owners import ROOT
from pipeline.proof.test_runs import FIXED_VARIABLES, RESULTS, SYSTEM_PATH
from pipeline.proof.untrusted_files import folder_inside, holds_file, read_inside, read_source, write_over

RUNNERS = frozenset({"pytest", "unittest"})
_SEEN_MAX_BYTES = 4 * 1024 * 1024
LINE_MAX_CHARS = 300
_OUTPUT_MAX_BYTES = 50_000
_MARKS = ("test", "spec", "check")
_LETTERS = string.ascii_lowercase


class CallOutcome(StrEnum):
    """How a test ended that the frame called."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNSUPPORTED = "unsupported"


class Call(BaseModel, frozen=True):
    """One test as the frame called it. `file` is the repository's path; `test` empty where the file could not be loaded."""

    file: str
    test: str
    outcome: CallOutcome
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """What the frame told. `left` says by file why it has no form, `names_kept` in which files names stayed."""

    calls: tuple[Call, ...] = ()
    left: Mapping[str, str]
    names_kept: tuple[str, ...] = ()
    duration_ms: int = 0
    last_line: str = ""
    """The end of what the process printed; why it ended, where it told nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where tests are called: a disposable checkout of the head, with what the pipeline writes over it."""

    stack: Stack
    tree: Path
    environment: Environment
    sandbox: Sandbox
    limits: Limits


def new_name() -> str:
    """Return an identifier that nobody knows, without a letter that would make a word of a runner's."""
    return "".join(secrets.choice(_LETTERS) for _ in range(12))


def _speaks_of_tests(name: str) -> bool:
    return any(mark in name.lower() for mark in _MARKS)


async def called_alone(ground: Ground, files: Sequence[str], *, names_stay: bool = False) -> Calls:
    """Call the tests of these files in a plain process, under other names. Paths are the repository's.

    Where `names_stay`, what the files call their functions and variables is as it was; all around it is not.
    """
    return await _called(ground, files, disclosed=False, names_stay=names_stay)


async def called_by_the_runner(ground: Ground, files: Sequence[str]) -> Calls:
    """Call them by the same frame from within their runner, under their own names."""
    return await _called(ground, files, disclosed=True, names_stay=True)


async def _called(ground: Ground, files: Sequence[str], *, disclosed: bool, names_stay: bool) -> Calls:
    folder = await asyncio.to_thread(folder_inside, ground.tree, ground.stack.root)
    if folder is None:
        return Calls(left=dict.fromkeys(files, "its folder is not there"))
    scratch = await asyncio.to_thread(_scratch, ground.tree)
    try:
        laying = _Laying(ground=ground, folder=folder, scratch=scratch, disclosed=disclosed, names_stay=names_stay)
        laid = await asyncio.to_thread(laying.lay, files)
        if not laid.asked:
            return Calls(left=laid.left)
        result = await ground.sandbox.run(_command(ground, laying, laid))
        told = await asyncio.to_thread(_told, scratch)
        names_kept = tuple(sorted(laid.names_kept))
        return Calls(
            calls=told,
            last_line=_last_line(result.output),
            left=laid.left,
            names_kept=names_kept,
            duration_ms=round(result.duration_s * 1000),
        )
    finally:
        await asyncio.to_thread(tree_walk.discard, scratch)


def _scratch(tree: Path) -> Path:
    scratch = Path(tempfile.mkdtemp(prefix=f"{tree.name}{RESULTS}", dir=tree.parent))
    for name in ("tools", "results"):
        (scratch / name).mkdir()
    return scratch


def _last_line(output: str) -> str:
    return next((line.strip()[:LINE_MAX_CHARS] for line in reversed(output.splitlines()) if line.strip()), "")


def _told(scratch: Path) -> tuple[Call, ...]:
    """Return what the frame wrote; the process can write there too, so what is no such line is passed over."""
    found: list[Call] = []
    for name in sorted(one.name for one in (scratch / "results").iterdir()):
        if not holds_file(scratch / "results", name):
            continue
        for line in read_inside(scratch / "results", name, max_bytes=_SEEN_MAX_BYTES).splitlines():
            try:
                found.append(Call.model_validate_json(line))
            except ValidationError:
                continue
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Laid:
    asked: tuple[str, ...]
    """Files, as the component's folder sees them."""
    program: Path
    left: Mapping[str, str]
    names_kept: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Laying:
    """Writes what is run into the tree and beside it."""

    ground: Ground
    folder: Path
    scratch: Path
    disclosed: bool
    names_stay: bool
    packages: dict[str, str] = field(default_factory=dict)
    """Folders of test packages by the names that they have here."""
    links: dict[Path, str] = field(default_factory=dict)
    """Folders that speak of tests, with the names of links to them."""

    def lay(self, files: Sequence[str]) -> _Laid:
        """Write the program, and the files under the names that they have for it."""
        libraries = Libraries(pytest=new_name(), unittest="unittest" if self.disclosed else new_name())
        left: dict[str, str] = {}
        self.packages.clear()
        planned: list[PlannedFile] = []
        names_kept: set[str] = set()
        around = self._around(files, libraries)
        for file in files:
            try:
                form, one = self._planned(file, libraries)
            except NotPossible as why:
                left[file] = str(why)
                continue
            planned.append(one)
            names_kept |= {file} if form.names_kept else set()
        plan = Plan(
            library=libraries.pytest, classes=libraries.unittest, shown=f"/{new_name()}", path=self._path(files),
            packages=self.packages, tools=str(self.scratch / "tools"),
            around=around, files=planned, results=str(self.scratch / "results" / new_name()),
        )  # fmt: skip
        program = self.scratch / "tools" / f"{new_name()}.py"
        program.write_text(disclosed_module(plan) if self.disclosed else neutral_program(plan, new_name), "utf-8")
        # The process's umask may keep files to itself; tests run as another user.
        program.chmod(0o644)
        program.parent.chmod(0o755)
        if self.disclosed:
            own = {self._below(one.told): disclosed_file(str(program), one.told).encode() for one in planned}
            write_over(self.folder, own)
        asked = tuple(self._below(one.told) for one in planned)
        return _Laid(asked=asked, program=program, left=left, names_kept=frozenset(names_kept))

    def _planned(self, file: str, libraries: Libraries) -> tuple[Form, PlannedFile]:
        inner = self._below(file)
        if not inner.endswith(".py"):
            raise NotPossible("it is no Python file")
        form = form_of(read_source(self.folder, inner), libraries, None if self.names_stay else new_name)
        pure = PurePosixPath(inner)
        speaks = pure.stem in form.words
        return form, self._placed(
            file, pure, form, package=self._package(pure.parent, renamed=not speaks), renamed=not speaks
        )

    def _placed(self, told: str, pure: PurePosixPath, form: Form, *, package: str, renamed: bool) -> PlannedFile:
        """Write a file under another name beside the original, unless a runner calls it."""
        stem, shown = pure.stem, self.folder / pure
        if not self.disclosed:
            own = new_name()
            shown = self._other_way(pure.parent) / f"{own}.py"
            write_over(self.folder, {str(pure.with_name(f"{own}.py")): form.text.encode("utf-8", "surrogatepass")})
            stem = own if renamed else stem
        return PlannedFile(
            told=told, shown=str(shown), module=f"{package}.{stem}" if package else stem, package=package,
            registered=not self.disclosed, text=form.text, names=form.names,
        )  # fmt: skip

    def _package(self, folder: PurePosixPath, *, renamed: bool) -> str:
        """Return the package that a folder is, with another name for its first part that speaks of tests; empty if it is none."""
        parts = self._packaged(folder)
        marked = next((at for at, part in enumerate(parts) if _speaks_of_tests(part)), None)
        if self.disclosed or not renamed or marked is None:
            return ".".join(parts)
        real = PurePosixPath(*folder.parts[: len(folder.parts) - len(parts) + marked + 1])
        shown = str(self._other_way(real))
        known = next((name for name, place in self.packages.items() if place == shown), None)
        name = known or ".".join([*parts[:marked], new_name()])
        self.packages[name] = shown
        return ".".join([name, *parts[marked + 1 :]])

    def _packaged(self, folder: PurePosixPath) -> tuple[str, ...]:
        """Return the names of the packages that lead to a folder."""
        found: list[str] = []
        while folder.parts and holds_file(self.folder, str(folder / "__init__.py")):
            found.insert(0, folder.name)
            folder = folder.parent
        return tuple(found)

    def _other_way(self, parent: PurePosixPath) -> Path:
        """Return a path to a folder of the tree on which no name speaks of tests."""
        real, shown = self.folder, self.folder
        for part in parent.parts:
            name = part
            if _speaks_of_tests(part):
                name = self.links.setdefault(real / part, new_name())
                if not (real / name).is_symlink():
                    (real / name).symlink_to(part)
            real, shown = real / part, shown / name
        return shown

    def _around(self, files: Sequence[str], libraries: Libraries) -> list[PlannedFile]:
        """Return the files beside and above that provide fixtures, outermost first; what has no form provides none."""
        if self.ground.stack.runner != "pytest":
            return []
        folders = {folder for file in files for folder in PurePosixPath(self._below(file)).parents}
        found: list[PlannedFile] = []
        for folder in sorted(folders, key=lambda one: (len(one.parts), str(one))):
            path = str(folder / "conftest.py")
            if not holds_file(self.folder, path):
                continue
            try:
                form = form_of(read_source(self.folder, path), libraries, None if self.names_stay else new_name)
            except NotPossible:
                continue
            package = self._package(folder, renamed=True)
            found.append(self._placed(path, folder / "conftest.py", form, package=package, renamed=True))
        return found

    def _path(self, files: Sequence[str]) -> list[str]:
        """Return where modules are looked for first, as the usual runners do: beside the tests, then in the component."""
        beside: dict[str, None] = {}
        for file in files:
            folder = PurePosixPath(self._below(file)).parent
            above = folder.parts[: len(folder.parts) - len(self._packaged(folder))]
            beside[str(self.folder.joinpath(*above))] = None
        roots = [str(self.folder / root) for root in self._roots()]
        return list(dict.fromkeys([*beside, str(self.folder), *roots]))

    def _roots(self) -> list[str]:
        root = self.ground.stack.root
        inner = [one if root == ROOT else one.removeprefix(f"{root}/") for one in self.ground.stack.source_roots]
        return [one for one in inner if folder_inside(self.folder, one) is not None]

    def _below(self, path: str) -> str:
        root = self.ground.stack.root
        return path if root == ROOT else path.removeprefix(f"{root}/")


def _command(ground: Ground, laying: _Laying, laid: _Laid) -> SandboxCommand:
    environment = ground.environment
    path = ":".join([*map(str, environment.path_in(ground.tree)), *SYSTEM_PATH])
    marks = FIXED_VARIABLES if laying.disclosed else {"TERM": "dumb"}
    argv: tuple[str, ...] = ("python", str(laid.program))
    if laying.disclosed and ground.stack.runner == "unittest":
        argv = ("python", "-m", "unittest", "-q", *laid.asked)
    elif laying.disclosed:
        empty = laying.scratch / "tools" / "empty.ini"
        empty.write_text("[pytest]\n", "utf-8")
        empty.chmod(0o644)
        argv = (
            "python", "-m", "pytest", "-q", "--noconftest", "-c", str(empty), f"--rootdir={laying.folder}",
            "-p", "no:cacheprovider", "--", *laid.asked,
        )  # fmt: skip
        marks = {**marks, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    variables = {
        name: value for name, value in environment.variables.items() if laying.disclosed or name not in FIXED_VARIABLES
    }
    return SandboxCommand(
        argv=argv,
        cwd=laying.folder,
        writable=(ground.tree, laying.scratch / "results"),
        read_only=(*environment.read_only, laying.scratch / "tools"),
        mounts=environment.mounts_in(ground.tree),
        scratch=environment.scratch_in(ground.tree),
        tree_at=environment.tree_at,
        environment={**marks, **variables, "PATH": path},
        timeout_s=float(ground.limits.test_timeout_s),
        output_max_bytes=_OUTPUT_MAX_BYTES,
        account=ACCOUNT if laying.disclosed else new_name(),
    )
