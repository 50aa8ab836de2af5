"""Lays the tests of Python's runners for the frame: forms beside their files, and the program that calls them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pipeline.ports import SandboxCommand
from pipeline.proof.neutral.calls import Call, Laid, Site, new_name, speaks_of_tests
from pipeline.proof.neutral.driver import (
    Plan,
    PlannedFile,
    disclosed_file,
    disclosed_module,
    neutral_program,
)
from pipeline.proof.neutral.form import Form, Libraries, NotPossible, form_of
from pipeline.proof.owners import ROOT
from pipeline.proof.test_runs import FIXED_VARIABLES
from pipeline.proof.untrusted_files import folder_inside, holds_file, read_source, write_over

PYTHON_RUNNERS = frozenset({"pytest", "unittest"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonLaying:
    """Writes what is run into the tree and beside it."""

    site: Site
    packages: dict[str, str] = field(default_factory=dict)
    """Folders of test packages by the names that they have here."""
    links: dict[Path, str] = field(default_factory=dict)
    """Folders that speak of tests, with the names of links to them."""

    def lay(self, files: Sequence[str]) -> Laid:
        """Write the program, and the files under the names that they have for it."""
        libraries = Libraries(pytest=new_name(), unittest="unittest" if self.site.disclosed else new_name())
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
            packages=self.packages, tools=str(self.site.scratch / "tools"),
            around=around, files=planned, results=str(self.site.scratch / "results" / new_name()),
        )  # fmt: skip
        program = self.site.write_tool(
            f"{new_name()}.py", disclosed_module(plan) if self.site.disclosed else neutral_program(plan, new_name)
        )
        if self.site.disclosed:
            own = {self.site.below(one.told): disclosed_file(str(program), one.told).encode() for one in planned}
            write_over(self.site.folder, own)
        asked = tuple(self.site.below(one.told) for one in planned)
        return Laid(asked=asked, program=program, left=left, names_kept=frozenset(names_kept))

    def _planned(self, file: str, libraries: Libraries) -> tuple[Form, PlannedFile]:
        inner = self.site.below(file)
        if not inner.endswith(".py"):
            raise NotPossible("it is no Python file")
        if not holds_file(self.site.folder, inner):
            raise NotPossible("it is not there")
        form = form_of(read_source(self.site.folder, inner), libraries, None if self.site.names_stay else new_name)
        pure = PurePosixPath(inner)
        speaks = pure.stem in form.words
        return form, self._placed(
            file, pure, form, package=self._package(pure.parent, renamed=not speaks), renamed=not speaks
        )

    def _placed(self, told: str, pure: PurePosixPath, form: Form, *, package: str, renamed: bool) -> PlannedFile:
        """Write a file under another name beside the original, unless a runner calls it."""
        stem, shown = pure.stem, self.site.folder / pure
        if not self.site.disclosed:
            own = new_name()
            shown = self._other_way(pure.parent) / f"{own}.py"
            write_over(self.site.folder, {str(pure.with_name(f"{own}.py")): form.text.encode("utf-8", "surrogatepass")})
            stem = own if renamed else stem
        return PlannedFile(
            told=told, shown=str(shown), module=f"{package}.{stem}" if package else stem, package=package,
            registered=not self.site.disclosed, text=form.text, names=form.names,
        )  # fmt: skip

    def _package(self, folder: PurePosixPath, *, renamed: bool) -> str:
        """Return the package that a folder is, with another name for its first part that speaks of tests; empty if it is none."""
        parts = self._packaged(folder)
        marked = next((at for at, part in enumerate(parts) if speaks_of_tests(part)), None)
        if self.site.disclosed or not renamed or marked is None:
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
        while folder.parts and holds_file(self.site.folder, str(folder / "__init__.py")):
            found.insert(0, folder.name)
            folder = folder.parent
        return tuple(found)

    def _other_way(self, parent: PurePosixPath) -> Path:
        """Return a path to a folder of the tree on which no name speaks of tests."""
        real, shown = self.site.folder, self.site.folder
        for part in parent.parts:
            name = part
            if speaks_of_tests(part):
                name = self.links.setdefault(real / part, new_name())
                if not (real / name).is_symlink():
                    (real / name).symlink_to(part)
            real, shown = real / part, shown / name
        return shown

    def _around(self, files: Sequence[str], libraries: Libraries) -> list[PlannedFile]:
        """Return the files beside and above that provide fixtures, outermost first; what has no form provides none."""
        if self.site.ground.stack.runner != "pytest":
            return []
        folders = {folder for file in files for folder in PurePosixPath(self.site.below(file)).parents}
        found: list[PlannedFile] = []
        for folder in sorted(folders, key=lambda one: (len(one.parts), str(one))):
            path = str(folder / "conftest.py")
            if not holds_file(self.site.folder, path):
                continue
            try:
                form = form_of(
                    read_source(self.site.folder, path), libraries, None if self.site.names_stay else new_name
                )
            except NotPossible:
                continue
            package = self._package(folder, renamed=True)
            found.append(self._placed(path, folder / "conftest.py", form, package=package, renamed=True))
        return found

    def _path(self, files: Sequence[str]) -> list[str]:
        """Return where modules are looked for first, as the usual runners do: beside the tests, then in the component."""
        beside: dict[str, None] = {}
        for file in files:
            folder = PurePosixPath(self.site.below(file)).parent
            above = folder.parts[: len(folder.parts) - len(self._packaged(folder))]
            beside[str(self.site.folder.joinpath(*above))] = None
        roots = [str(self.site.folder / root) for root in self._roots()]
        return list(dict.fromkeys([*beside, str(self.site.folder), *roots]))

    def _roots(self) -> list[str]:
        root = self.site.ground.stack.root
        inner = [one if root == ROOT else one.removeprefix(f"{root}/") for one in self.site.ground.stack.source_roots]
        return [one for one in inner if folder_inside(self.site.folder, one) is not None]

    def command(self, laid: Laid) -> SandboxCommand:
        """Return what runs them."""
        site = self.site
        if not site.disclosed:
            return site.command(("python", str(laid.program)), {"TERM": "dumb"})
        if site.ground.stack.runner == "unittest":
            return site.command(("python", "-m", "unittest", "-q", *laid.asked), FIXED_VARIABLES)
        empty = site.write_tool("empty.ini", "[pytest]\n")
        argv = (
            "python", "-m", "pytest", "-q", "--noconftest", "-c", str(empty), f"--rootdir={site.folder}",
            "-p", "no:cacheprovider", "--", *laid.asked,
        )  # fmt: skip
        return site.command(argv, {**FIXED_VARIABLES, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})

    def original(self, call: Call) -> Call:
        """Return a call as it was told: the frame of Python knows the original names."""
        return call
