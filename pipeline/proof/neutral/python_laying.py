"""Lays the tests of Python's runners for the frame: forms beside their files, and the program that calls them."""

from collections.abc import Sequence
from dataclasses import dataclass
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

    def lay(self, files: Sequence[str]) -> Laid:
        """Write the program, and the files under the names that they have for it."""
        libraries = Libraries(pytest=new_name(), unittest="unittest" if self.site.disclosed else new_name())
        left: dict[str, str] = {}
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
            tools=str(self.site.scratch / "tools"),
            around=around, files=planned, results=str(self.site.scratch / "results" / new_name()),
        )  # fmt: skip
        program = self.site.scratch / "tools" / f"{new_name()}.py"
        program.write_text(disclosed_module(plan) if self.site.disclosed else neutral_program(plan, new_name), "utf-8")
        # The process's umask may keep files to itself; tests run as another user.
        program.chmod(0o644)
        if self.site.disclosed:
            own = {self.site.below(one.told): disclosed_file(str(program), one.told).encode() for one in planned}
            write_over(self.site.folder, own)
        asked = tuple(self.site.below(one.told) for one in planned)
        return Laid(asked=asked, program=program, left=left, names_kept=frozenset(names_kept))

    def _planned(self, file: str, libraries: Libraries) -> tuple[Form, PlannedFile]:
        inner = self.site.below(file)
        if not inner.endswith(".py"):
            raise NotPossible("it is no Python file")
        form = form_of(read_source(self.site.folder, inner), libraries, None if self.site.disclosed else new_name)
        pure = PurePosixPath(inner)
        packaged = holds_file(self.site.folder, str(pure.with_name("__init__.py")))
        package = ".".join(pure.parent.parts) if packaged else ""
        stem = pure.stem
        if not self.site.disclosed and stem not in form.words:
            package, stem = new_name() if packaged else "", new_name()
        shown = self.site.folder / inner
        if not self.site.disclosed:
            own = new_name()
            shown = self._other_way(pure.parent) / f"{own}.py"
            write_over(self.site.folder, {str(pure.with_name(f"{own}.py")): form.text.encode("utf-8", "surrogatepass")})
        module = f"{package}.{stem}" if package else stem
        return form, PlannedFile(
            told=file, shown=str(shown), module=module, package=package, registered=not self.site.disclosed,
            text=form.text, names=form.names,
        )  # fmt: skip

    def _other_way(self, parent: PurePosixPath) -> Path:
        """Return a path to a folder of the tree on which no name speaks of tests."""
        real, shown = self.site.folder, self.site.folder
        for part in parent.parts:
            name = part
            if speaks_of_tests(part):
                name = new_name()
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
                    read_source(self.site.folder, path), libraries, None if self.site.disclosed else new_name
                )
            except NotPossible:
                continue
            stem = "conftest" if self.site.disclosed else new_name()
            shown = (self.site.folder / folder if self.site.disclosed else self._other_way(folder)) / f"{stem}.py"
            found.append(
                PlannedFile(
                    told=path,
                    shown=str(shown),
                    module=stem,
                    package="",
                    registered=not self.site.disclosed,
                    text=form.text,
                    names=form.names,
                )
            )
        return found

    def _path(self, files: Sequence[str]) -> list[str]:
        """Return where modules are looked for first, as the usual runners do: beside the tests, then in the component."""
        beside: dict[str, None] = {}
        for file in files:
            folder = PurePosixPath(self.site.below(file)).parent
            while folder.parts and holds_file(self.site.folder, str(folder / "__init__.py")):
                folder = folder.parent
            beside[str(self.site.folder / folder)] = None
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
