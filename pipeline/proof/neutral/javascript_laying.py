"""Lays the tests of JavaScript's runners for the frame: forms beside their files, the stand-in, and the program that calls them.

Choice: a folder whose name speaks of tests is shown by a folder with another name and links to all that it holds, because Node
follows links before it tells a path. From within its runner, the form stands in the file's place; runners get none of the
repository's configuration, so what needs it fails there too, and is said to be not possible.
"""

import functools
import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from importlib.resources import files as package_files
from pathlib import Path, PurePosixPath

from pipeline.ports import SandboxCommand
from pipeline.proof.grammars import syntax_tree
from pipeline.proof.json_text import parsed_object
from pipeline.proof.neutral.calls import Call, Laid, Site, new_name, speaks_of_tests
from pipeline.proof.neutral.form import NotPossible
from pipeline.proof.neutral.javascript_form import GLOBALS, LIBRARIES, JavaScriptForm, StandIn, javascript_form
from pipeline.proof.neutral.javascript_names import other_names
from pipeline.proof.neutral.javascript_reached import uses_library
from pipeline.proof.test_runs import FIXED_VARIABLES
from pipeline.proof.untrusted_files import folder_inside, holds_file, read_source, write_over

JAVASCRIPT_RUNNERS = frozenset(LIBRARIES)
_PARTS = ("comparing.cjs", "expecting.cjs", "declaring.cjs")
_BUILT_IN = frozenset({"test"})
"""What code may load under such a name that is no test library."""
_BETWEEN_TITLES = "\x1f"
_ENTRIES_MAX = 2000
_PLAIN = (".js", ".mjs", ".cjs")
_REAL = {
    "node_test": ("import * as {0} from 'node:test';", "const {0} = require('node:test');"),
    "vitest": ("import * as {0} from 'vitest';", ""),
    "jest": ("const {0} = globalThis;", "const {0} = globalThis;"),
    "mocha": ("const {0} = globalThis;", "const {0} = globalThis;"),
}
"""How a file reaches its real runner, as a module and as a script."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _PlannedFile:
    told: str
    shown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What the stand-in reads. `context`: tests are given one; `ends`: a test may end by a callback."""

    results: str
    context: bool
    ends: bool
    files: Sequence[_PlannedFile] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class JavaScriptLaying:
    """Writes what is run into the tree and beside it."""

    site: Site
    _titles: dict[str, dict[str, str]] = field(default_factory=dict)
    """By file the original titles of tests, by those in its form."""
    _mirrors: dict[Path, Path] = field(default_factory=dict)

    def lay(self, files: Sequence[str]) -> Laid:
        """Write the forms of files and what calls them. Paths are the repository's."""
        left: dict[str, str] = {}
        planned: list[_PlannedFile] = []
        names_kept: set[str] = set()
        library = self.site.write_tool(f"{new_name()}.cjs", _stand_in(renaming=not self.site.disclosed))
        for file in files:
            try:
                form, one = self._planned(file, library)
            except NotPossible as why:
                left[file] = str(why)
                continue
            planned.append(one)
            self._titles[file] = form.titles
            names_kept |= {file} if form.names_kept else set()
        asked = tuple(self.site.below(one.told) for one in planned)
        program = self._program(library, planned)
        return Laid(asked=asked, program=program, left=left, names_kept=frozenset(names_kept))

    def command(self, laid: Laid) -> SandboxCommand:
        """Return what runs them."""
        site, runner = self.site, self.site.ground.stack.runner
        if not site.disclosed:
            return site.command(("node", str(laid.program)), {"TERM": "dumb"})
        marks = dict(FIXED_VARIABLES)
        if runner in {"node_test", "mocha"} and self._needs_loader(laid.asked):
            marks["NODE_OPTIONS"] = f"--import={laid.program.as_uri()}"
        return site.command((*self._runner(runner), *laid.asked), marks)

    def _runner(self, runner: str) -> tuple[str, ...]:
        if runner == "node_test":
            return ("node", "--test")
        if runner == "mocha":
            return ("mocha", "--no-config", "--no-package", "--no-opts", "--timeout=60000", "--exit")
        if runner == "jest":
            config = json.dumps({"rootDir": str(self.site.folder), "testTimeout": 60000, "testMatch": ["**/*"]})
            return ("jest", "--ci", "--forceExit", f"--config={config}", "--runTestsByPath")
        # Vite writes beside its configuration, so that lies in the tree.
        own = f"{new_name()}.mjs"
        write_over(self.site.folder, {own: b"export default { test: { include: ['**/*'] } };\n"})
        return (
            "vitest", "run", f"--config={self.site.folder / own}", f"--root={self.site.folder}", "--globals",
            "--testTimeout=60000",
        )  # fmt: skip

    def original(self, call: Call) -> Call:
        """Return a call by the titles that the report of this runner makes an id of."""
        if not call.test:
            return call
        titles = self._titles.get(call.file, {})
        *scopes, name = [titles.get(one, one) for one in call.test.split(_BETWEEN_TITLES)]
        runner = self.site.ground.stack.runner
        if runner == "mocha":
            scopes = [" ".join(filter(None, [*scopes, name])).removesuffix(name).strip()]
        parts = [*scopes, name] if runner == "node_test" else [*filter(None, scopes), name]
        return call.model_copy(update={"test": ".".join("::".join(parts).split("::"))})

    def _planned(self, file: str, library: Path) -> tuple[JavaScriptForm, _PlannedFile]:
        site, runner = self.site, self.site.ground.stack.runner
        inner = site.below(file)
        pure = PurePosixPath(inner)
        helper = uses_library(site.folder, inner, LIBRARIES[runner] - _BUILT_IN, GLOBALS[runner])
        if helper:
            raise NotPossible(f"it loads {site.above(helper)}, which uses the test library, too")
        folder = site.folder / pure.parent
        form = self._form(inner, library, "" if site.disclosed else str(folder))
        if site.disclosed:
            write_over(site.folder, {inner: self._handing_over(form, file).encode("utf-8", "surrogatepass")})
            return form, _PlannedFile(told=file, shown=str(site.folder / inner))
        other = self._shown_folder(pure.parent, form.strings)
        if other != folder:
            form = self._form(inner, library, str(other))
        name = pure.name
        if not any(name in text or text == pure.stem for text in form.strings):
            name = f"{new_name()}{'.mjs' if form.is_module and pure.suffix == '.js' else pure.suffix}"
        shown = other / name
        write_over(site.folder, {str(shown.relative_to(site.folder)): form.text.encode("utf-8", "surrogatepass")})
        return form, _PlannedFile(told=file, shown=str(shown))

    def _form(self, inner: str, library: Path, directory: str) -> JavaScriptForm:
        site = self.site
        return javascript_form(
            inner, read_source(site.folder, inner),
            StandIn(place=str(library), runner=site.ground.stack.runner, directory=directory), new_name,
            packaged_as_module=_is_module_package(site.folder, inner),
            disclosed=site.disclosed, renaming=not site.names_stay,
        )  # fmt: skip

    def _handing_over(self, form: JavaScriptForm, file: str) -> str:
        real = new_name()
        as_module, as_script = _REAL[self.site.ground.stack.runner]
        lead = (as_module if form.is_module else as_script).format(real)
        if not lead:
            raise NotPossible("its runner loads modules alone")
        plan = json.dumps(asdict(self._plan()))
        return f"{form.text}\n;{lead}\n{form.standing}.byTheRunner({json.dumps(file)}, {plan}, {real});\n"

    def _plan(self, planned: Sequence[_PlannedFile] = ()) -> _Plan:
        runner = self.site.ground.stack.runner
        return _Plan(
            results=str(self.site.scratch / "results" / new_name()), context=runner in {"node_test", "vitest"},
            ends=runner != "vitest", files=planned,
        )  # fmt: skip

    def _program(self, library: Path, planned: Sequence[_PlannedFile]) -> Path:
        """Write what starts: the calls alone, or what a real runner loads first to read the same languages."""
        needs_loader = self._needs_loader([one.told for one in planned])
        text = ""
        if needs_loader:
            loader = self.site.write_tool(f"{new_name()}.mjs", _part("loading.mjs"))
            given = json.dumps({"data": {"folder": str(self.site.folder)}})
            text = f".register?.({json.dumps(loader.as_uri())}, {given});\n"
        if self.site.disclosed:
            made = new_name()
            return self.site.write_tool(
                f"{new_name()}.mjs", f"import * as {made} from 'node:module';\n{made}{text}" if text else ""
            )
        text = f"require('node:module'){text}" if text else ""
        plan = json.dumps(asdict(self._plan(planned)))
        return self.site.write_tool(f"{new_name()}.cjs", f"{text}require({json.dumps(str(library))}).alone({plan});\n")

    def _needs_loader(self, files: Sequence[str]) -> bool:
        """Whether something reads modules here that node alone does not read."""
        translates = self.site.ground.stack.runner in {"vitest", "jest"}
        return translates or not all(file.endswith(_PLAIN) for file in files)

    def _shown_folder(self, parent: PurePosixPath, strings: Collection[str]) -> Path:
        """Return a folder with all that a folder of the tree holds, on whose path no name speaks of tests but those it asks for."""
        if folder_inside(self.site.folder, str(parent)) is None:
            raise NotPossible("its folder is not there")
        shown = self.site.folder
        for part in parent.parts:
            asked = any(f"{part}/" in text or f"/{part}" in text for text in strings)
            mirrored = speaks_of_tests(part) and not asked
            shown = self._mirror(shown / part) if mirrored or shown in self._mirrors.values() else shown / part
        return shown

    def _mirror(self, real: Path) -> Path:
        if real not in self._mirrors:
            entries = sorted(one.name for one in real.iterdir())
            if len(entries) > _ENTRIES_MAX:
                raise NotPossible("its folder holds too many files")
            name = new_name()
            shown = real.with_name(name)
            if real.is_symlink():
                real.unlink()
            shown.mkdir()
            target = real.resolve()
            for entry in entries:
                (shown / entry).symlink_to(target / entry)
            self._mirrors[real] = shown
        return self._mirrors[real]


def _is_module_package(folder: Path, inner: str) -> bool:
    for parent in PurePosixPath(inner).parents:
        path = str(parent / "package.json")
        if holds_file(folder, path):
            return parsed_object(read_source(folder, path)).get("type") == "module"
    return False


def _part(name: str) -> str:
    return package_files("pipeline.proof.neutral").joinpath("inside", name).read_text("utf-8")


@functools.cache
def _written() -> str:
    return "\n".join(_part(name) for name in _PARTS)


def _stand_in(*, renaming: bool) -> str:
    text = _written()
    return other_names(syntax_tree(".cjs", text.encode()), text.encode(), new_name) if renaming else text
