"""The search for what a test command reaches: the command is read as a shell reads it, and followed file by file.

Problem: between the command and the tests lie make, package managers, scripts and settings, each with its own way to name the
next. Choice: one walk over text, each place read once and the whole bounded, because a repository is hostile: a script
that names itself, or ten thousand others, ends the search and not the worker. Invariant: only files of the commit are found.
"""

import posixpath
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from pipeline.proof import makefiles
from pipeline.proof.instrument import Command, Instrument, MakeGoals, PackageScripts
from pipeline.proof.package_scripts import scripts_of, with_hooks
from pipeline.proof.path_globs import matches_any
from pipeline.proof.shell_commands import simple_commands
from pipeline.proof.testing_places import in_a_folder_for_testing, is_product, is_script, looks_like_testing

Read = Callable[[str], bytes | None]

_TEXT_MAX = 400_000
_FOLLOWED_MAX = 300
_SETTING = re.compile(
    r"--?(?:c|f|r|p|config(?:uration)?(?:-?file)?|conf|rcfile|project|require|import|loader|experimental-loader|preload|setup\w*"
    r"|global-?setup|reporters?|resolver|runner|env-file|ini|settings|init-?file|rootconfig|plugin|template|file|makefile|bundler)"
)
_CONFIGURED = re.compile(
    r"(?:setupFiles\w*|globalSetup|globalTeardown|reporters?|testEnvironment|transform|preset|require|runner|testRunner|resolver"
    r"|snapshotSerializers|watchPlugins|loader|import|file|environmentMatchGlobs|environment)['\"]?\s*[:=]\s*"
    r"(?P<value>[\[{]?(?:[^\[\]{}]|\n){0,600})"
)
_PATHS = re.compile(r"[\w@.+-]*/?[\w@.+/-]*[\w+-]")
_BY_PROGRAM: Mapping[str, tuple[str, ...]] = {
    "just": ("justfile", "Justfile", ".justfile", "*.just"), "task": ("Taskfile.yml", "Taskfile.yaml", "taskfile.yml"),
    "rake": ("Rakefile", "rakelib/**"), "invoke": ("tasks.py", "invoke.yaml"), "inv": ("tasks.py", "invoke.yaml"),
    "gradlew": ("gradle/wrapper/**", "gradlew"), "mvnw": (".mvn/**", "mvnw"), "mage": ("magefile.go", "magefiles/**"),
    "tox": ("tox.ini", "tox.toml"), "nox": ("noxfile.py",), "ant": ("build.xml",), "bazel": (".bazelrc", "MODULE.bazel", "WORKSPACE"),
    "phpunit": ("phpunit.xml", "phpunit.xml.dist"), "rspec": (".rspec",), "bats": (), "earthly": ("Earthfile",), "mise": (".mise.toml", "mise.toml"),
    "turbo": ("turbo.json",), "nx": ("nx.json",), "lerna": ("lerna.json",), "gulp": ("gulpfile.*",), "grunt": ("Gruntfile.*",),
    "deno": ("deno.json", "deno.jsonc"), "composer": (), "dotnet": ("*.runsettings", "Directory.Build.props", "Directory.Build.targets"),
    "cmake": ("CMakePresets.json",), "ctest": ("CTestConfig.cmake", "CTestCustom.cmake"), "zig": ("build.zig",), "waf": ("wscript", "waf"),
    "scons": ("SConstruct",),
}  # fmt: skip
"""Files that decide what a task runner does, in the folder in which it is started."""
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "busybox"})
_SOURCES = frozenset({".", "source"})
_MANAGERS = frozenset({"npm", "pnpm", "yarn", "bun"})
_RUN_ALL = frozenset({"npm-run-all", "npm-run-all2", "run-s", "run-p", "concurrently"})
_WRAPPERS = frozenset(
    {"env", "exec", "time", "nice", "timeout", "command", "xvfb-run", "npx", "bunx", "uv", "poetry", "pdm", "pipenv", "hatch", "rye",
     "run", "coverage", "c8", "nyc", "cross-env", "dotenv", "bundle", "then", "else", "do", "if", "while", "until", "!", "{", "}", "(",
     "stdbuf", "setsid", "nohup", "catchsegv", "valgrind", "sudo", "exit", "ccache"}
)  # fmt: skip
_ASSIGNED = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
_COMPUTED = re.compile(r"^\$[\w{(]|^`|^eval$")
_FETCHED = re.compile(r"\b(?:curl|wget)\b[^\n;&]*\|\s*(?:sudo\s+)?(?:\w*sh|python\d?)\b")
_READ_IN_PART = frozenset(
    {"package.json", "pyproject.toml", "setup.cfg", "Cargo.toml", "tsconfig.json", *makefiles.NAMES}
)


def instrument_of(
    commands: Iterable[Command],
    *,
    files: Collection[str],
    read: Read,
    is_test: Callable[[str], bool] = lambda _path: False,
    settings: Iterable[str] = (),
) -> Instrument:
    """Follow commands, and what the runners' `settings` files name, through a commit's `files`.

    `is_test` tells those that are protected as tests or their configuration anyway.
    """
    walk = _Walk(files=frozenset(files), read=read, is_test=is_test)
    for command in commands:
        walk.follow(command.text, command.folder, because=command.text)
    for path in settings:
        walk.configured(path)
    return walk.found()


@dataclass(slots=True)
class _Walk:
    files: frozenset[str]
    read: Read
    is_test: Callable[[str], bool]
    reached: set[str] = field(default_factory=set)
    watched: set[str] = field(default_factory=set)
    unread: dict[str, None] = field(default_factory=dict)
    exposed: dict[str, None] = field(default_factory=dict)
    _in_scripts: int = 0
    made: dict[tuple[tuple[str, ...], tuple[str, ...]], None] = field(default_factory=dict)
    called: dict[str, dict[str, None]] = field(default_factory=dict)
    _done: set[tuple[str, str]] = field(default_factory=set)

    def found(self) -> Instrument:
        return Instrument(
            files=tuple(sorted(self.reached)),
            made=tuple(MakeGoals(paths=paths, goals=goals) for paths, goals in self.made),
            scripts=tuple(PackageScripts(path=path, names=tuple(names)) for path, names in self.called.items()),
            watched=tuple(sorted(self.watched - self.reached)),
            unread=tuple(self.unread),
            exposed=tuple(self.exposed),
        )

    def _lost(self, sentence: str) -> None:
        self.unread[sentence] = None
        if not self._in_scripts:
            self.exposed[sentence] = None

    def follow(self, text: str, folder: str, *, because: str) -> None:
        """Read text as commands of a shell that runs in `folder`."""
        if (text, folder) in self._done or len(self._done) > _FOLLOWED_MAX:
            return
        self._done.add((text, folder))
        if _FETCHED.search(text):
            self._lost(f"“{_short(because)}” runs what it fetches from a network.")
        for words in simple_commands(text[:_TEXT_MAX]):
            if words[0] == "cd" and len(words) > 1:
                folder = _below(folder, words[1]) or folder
                continue
            self._command(words, folder, because)

    def _command(self, words: list[str], folder: str, because: str) -> None:
        while words and (
            PurePosixPath(words[0]).name in _WRAPPERS or _ASSIGNED.fullmatch(words[0]) or _is_flag(words[0])
        ):
            for value in [words[0].partition("=")[2]] if "=" in words[0] else []:
                self._mention(value, folder)
            words = words[1:]
        if not words:
            return
        program, rest = PurePosixPath(words[0]).name, words[1:]
        if _COMPUTED.search(words[0]):
            self._lost(f"“{_short(' '.join(words))}” runs a program that is computed.")
        if program in {"make", "gmake"} or words[0] in {"$(MAKE)", "${MAKE}"}:
            self._make(rest, folder)
        elif program in _MANAGERS or program in _RUN_ALL:
            self._package_scripts(program, rest, folder)
        elif program in _SHELLS and "-c" in rest[:-1]:
            self.follow(rest[rest.index("-c") + 1], folder, because=because)
        else:
            self._program(words, folder)
        patterns = _BY_PROGRAM.get(program, ())
        for path in sorted(self.files) if patterns else ():
            if _inside(folder, path) and matches_any(_within(folder, path), patterns):
                self._decides(path, folder)
        self._settings(rest, folder)

    def _program(self, words: Sequence[str], folder: str) -> None:
        """Take the script that is run: the program itself, or the first file that an interpreter or `source` is given."""
        if "/" in words[0] or words[0] in self.files:
            self._run(words[0], folder)
            return
        interpreter = re.match(
            r"(?:python|pypy|node|deno|bun|tsx|ts-node|ruby|perl|php|lua|pwsh|Rscript|swift|go|guile|tclsh)", words[0]
        )
        if words[0] in _SOURCES or PurePosixPath(words[0]).name in _SHELLS or interpreter:
            for number, word in enumerate(words[1:], 1):
                if word == "-m" and number + 1 < len(words):
                    self._module(words[number + 1], folder)
                    return
                if not word.startswith("-") and self._run(word, folder):
                    return

    def _run(self, word: str, folder: str) -> bool:
        path = self._here(word, folder)
        if path is None:
            return False
        if self.is_test(path):
            self.watched.add(path)
            self._script(path, folder)
        elif looks_like_testing(path, self.files, self._text(path)):
            self._take(path, folder)
        else:
            self.watched.add(path)
        return True

    def _module(self, name: str, folder: str) -> None:
        inner = name.replace(".", "/")
        for path in (f"{inner}.py", f"{inner}/__main__.py"):
            self._run(path, folder)

    def _mention(self, word: str, folder: str) -> None:
        """Take a file that is named where no program stands, if it plainly belongs to testing."""
        path = self._here(word, folder)
        if (
            path is not None
            and not self.is_test(path)
            and is_script(path, self._text(path))
            and looks_like_testing(path, self.files, self._text(path))
        ):
            self._take(path, folder)

    def _settings(self, words: Sequence[str], folder: str) -> None:
        """Take files that options name as configuration, and scripts among the other words."""
        before = ""
        for word in words:
            name, _, value = word.partition("=")
            if value and _SETTING.fullmatch(name):
                self._configuration(value, folder)
            elif _SETTING.fullmatch(before) and not word.startswith("-"):
                self._configuration(word, folder)
            else:
                self._mention(word, folder)
            before = word

    def _configuration(self, word: str, folder: str) -> None:
        path = self._here(word, folder) or self._here(f"{word.replace('.', '/')}.py", folder)
        if path is None or self.is_test(path) or posixpath.basename(path) in _READ_IN_PART:
            return
        if is_product(path, self.files):
            self.watched.add(path)
        else:
            self._take(path, folder)

    def _decides(self, path: str, folder: str) -> None:
        if self.is_test(path):
            self._script(path, folder)
        else:
            self._take(path, folder)

    def _take(self, path: str, folder: str) -> None:
        if path not in self.reached and len(self.reached) < _FOLLOWED_MAX:
            self.reached.add(path)
            self._script(path, folder)

    def _script(self, path: str, folder: str) -> None:
        """Follow what a script runs: by its commands where a shell runs it, else by the files that it names."""
        text = self._text(path)
        if path.endswith((".sh", ".bash", ".zsh", ".bats", ".t")) or re.match(r"#!.*\b(?:ba|da|z|k)?sh\b", text):
            self._in_scripts += 1
            self.follow(text, folder, because=path)
            self._in_scripts -= 1
        near = posixpath.dirname(path)
        for word in _PATHS.findall(text[:_TEXT_MAX]):
            if "/" in word or "." in word:
                self._mention(word, folder)
                self._mention(word, near or ".")
        if path.endswith((".py", ".js", ".mjs", ".cjs", ".ts", ".rb")):
            self._imports(text, near)

    def _imports(self, text: str, near: str) -> None:
        """Follow the modules beside a script, where the folder is one for scripts."""
        if not in_a_folder_for_testing(f"{near}/"):
            return
        names = re.findall(r"^\s*(?:from|import)\s+\.?([\w.]+)|require(?:_relative)?\s*\(?\s*['\"]\./([\w./-]+)|from\s+['\"]\./([\w./-]+)", text, re.MULTILINE)  # fmt: skip
        for name in (one for found in names for one in found if one):
            for suffix in ("", ".py", ".js", ".mjs", ".cjs", ".ts", ".rb"):
                beside = posixpath.join(near, name.replace(".", "/") + suffix if suffix == ".py" else name + suffix)
                if beside in self.files and not self.is_test(beside):
                    self._take(beside, near)

    def _make(self, words: Sequence[str], folder: str) -> None:
        goals, named, waiting = list[str](), list[str](), ""
        for word in words:
            if waiting:
                folder, named = (_below(folder, word) or folder, named) if waiting == "-C" else (folder, [*named, word])
                waiting = ""
            elif word in {"-C", "--directory", "-f", "--file", "--makefile"}:
                waiting = "-C" if word in {"-C", "--directory"} else "-f"
            elif word.startswith("--directory="):
                folder = _below(folder, word.partition("=")[2]) or folder
            elif word.startswith("-C") and len(word) > 2:  # noqa: PLR2004 - the option and its value in one word
                folder = _below(folder, word[2:]) or folder
            elif not word.startswith("-") and "=" not in word:
                goals.append(word)
        first = [path for name in (named or makefiles.NAMES) if (path := self._here(name, folder)) is not None]
        if not first:
            return
        paths = self._included(first if named else first[:1], folder)
        key = (tuple(paths), tuple(goals))
        if key in self.made:
            return
        self.made[key] = None
        read = [makefiles.read_makefile(self._text(path)) for path in paths]
        for line in makefiles.goals_of(read, goals).recipes:
            self.follow(line, folder, because=f"make {' '.join(goals)}".strip())

    def _included(self, first: Sequence[str], folder: str) -> list[str]:
        paths = list(first)
        for path in paths:
            for word in makefiles.read_makefile(self._text(path)).includes:
                found = (
                    [one for one in sorted(self.files) if matches_any(_within(folder, one), (word,))]
                    if "*" in word
                    else [self._here(word, folder)]
                )
                paths += [one for one in found if one is not None and one not in paths]
        return paths[:_FOLLOWED_MAX]

    def _package_scripts(self, program: str, words: Sequence[str], folder: str) -> None:
        names: list[str] = []
        rest = iter(words)
        for word in rest:
            if word in {"--prefix", "-C", "--cwd", "--dir"}:
                folder = _below(folder, next(rest, ".")) or folder
            elif word in {"--workspace", "-w", "--filter", "-F"}:
                next(rest, "")
            elif not word.startswith("-") and word not in {
                "run",
                "run-script",
                "exec",
                "workspaces",
                "workspace",
                "foreach",
            }:
                names.append("test" if word in {"t", "tst"} and program == "npm" else word)
                if program in _MANAGERS:
                    break
        every = list(self._packages(folder, words))
        for path in every:
            scripts = scripts_of(self._text(path))
            for name in names:
                wanted = [one for one in scripts if one.startswith(name.rstrip("*"))] if name.endswith("*") else [name]
                for one in with_hooks([each for each in wanted if each in scripts]):
                    known = self.called.setdefault(path, {})
                    if one not in known:
                        known[one] = None
                        self.follow(scripts.get(one, ""), posixpath.dirname(path) or ".", because=f"{program} {one}")

    def _packages(self, folder: str, words: Sequence[str]) -> Iterator[str]:
        """Yield the package.json of the folder, and those of all packages below where the call is for workspaces."""
        own = self._here("package.json", folder)
        if own is not None:
            yield own
        if set(words) & {
            "--workspaces",
            "-ws",
            "-r",
            "--recursive",
            "workspaces",
            "--workspace",
            "-w",
            "--filter",
            "-F",
            "workspace",
        }:
            yield from sorted(
                path for path in self.files
                if posixpath.basename(path) == "package.json" and path != own and _inside(folder, path) and "node_modules/" not in path
            )  # fmt: skip

    def configured(self, path: str) -> None:
        """Follow the files that a runner's configuration names as parts of the runner."""
        folder = posixpath.dirname(path) or "."
        for found in _CONFIGURED.finditer(self._text(path)):
            for word in re.findall(r"['\"]([^'\"\n]+)['\"]", found.group("value")):
                plain = word.replace("<rootDir>/", "").removeprefix("./")
                for name in (plain, *(f"{plain}{suffix}" for suffix in (".ts", ".js", ".mjs", ".cjs", ".tsx"))):
                    self._configuration(name, folder)
        for name in re.findall(r"(?:-p|-r|--require|--import)[\s=]+([\w./-]+)", self._text(path)):
            self._configuration(name, folder)

    def _here(self, word: str, folder: str) -> str | None:
        plain = re.sub(r"^(?:\$\(CURDIR\)|\$\{CURDIR\}|\$PWD|\$\{PWD\}|\$\(pwd\)|\$\{?[A-Z_]*(?:ROOT|DIR|HERE)[A-Z_]*\}?)/", "", word.strip("'\""))  # fmt: skip
        path = _below(folder, plain)
        if path in self.files:
            return path
        return plain if plain != word and plain in self.files else None

    def _text(self, path: str) -> str:
        return (self.read(path) or b"")[:_TEXT_MAX].decode("utf-8", "replace")


def _below(folder: str, word: str) -> str | None:
    """Return a path of the repository; None for what lies outside."""
    path = posixpath.normpath(posixpath.join("" if folder == "." else folder, word))
    return None if path.startswith(("../", "/")) or path == ".." else path


def _within(folder: str, path: str) -> str:
    return path if folder == "." else path.removeprefix(f"{folder}/")


def _inside(folder: str, path: str) -> bool:
    return folder == "." or path.startswith(f"{folder}/")


def _is_flag(word: str) -> bool:
    return word.startswith("-") or re.fullmatch(r"\d+[smh]?", word) is not None


def _short(text: str) -> str:
    line = text.strip().split("\n")[0]
    return line if len(line) <= 100 else f"{line[:97]}…"  # noqa: PLR2004 - a line of a list
