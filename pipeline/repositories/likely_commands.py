"""The command with which a repository without a known manifest is probably tested, for a person to confirm.

Problem: "set the test command" leaves people to find the words. Choice: the files that ecosystems go by name the command that
their users type. A suggestion, never followed: what it needs may not be on this machine. Pure.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TypeAlias

from pipeline.proof.json_text import parsed_object

Read: TypeAlias = Callable[[str], bytes | None]
_MAKE = re.compile(r"(?m)^(?P<target>test|tests|check|unittest)\s*:(?!=)")
_JUST = re.compile(r"(?m)^(?P<target>test|tests|check)\b[^:=\n]*:(?!=)")


@dataclass(frozen=True, slots=True, kw_only=True)
class LikelyCommand:
    """What the files look like, and what people type there."""

    ecosystem: str
    """Empty where only a task runner names the command."""
    command: str


_BY_FILE = (
    ("*.sln", ".NET", "dotnet test"), ("*.slnx", ".NET", "dotnet test"), ("*.csproj", ".NET", "dotnet test"),
    ("*.fsproj", ".NET", "dotnet test"), ("mix.exs", "Elixir", "mix test"), ("Package.swift", "Swift", "swift test"),
    ("build.sbt", "Scala", "sbt test"), ("deno.json*", "Deno", "deno test"), ("pubspec.yaml", "Dart", "dart test"),
    ("stack.yaml", "Haskell", "stack test"), ("*.cabal", "Haskell", "cabal test"), ("project.clj", "Clojure", "lein test"),
    ("rebar.config", "Erlang", "rebar3 eunit"), ("dune-project", "OCaml", "dune test"), ("build.zig", "Zig", "zig build test"),
    ("MODULE.bazel", "Bazel", "bazel test //..."), ("WORKSPACE*", "Bazel", "bazel test //..."),
    ("meson.build", "C or C++", "meson setup build && meson test -C build"),
    ("CMakeLists.txt", "C or C++", "cmake -S . -B build && cmake --build build && ctest --test-dir build --output-on-failure"),
)  # fmt: skip
_BY_TESTS = (("*.bats", "shell", "bats -r ."), ("t/*.t", "Perl", "prove -lv t"), ("*_spec.lua", "Lua", "busted"))


def likely_command(files: Sequence[str], read: Read) -> LikelyCommand | None:
    """Return the likeliest command for the root of a repository; None when its files suggest none."""
    at_root = {path for path in files if "/" not in path}
    own = next((found for look in (_ruby, _php) if (found := look(files, at_root, read)) is not None), None)
    for pattern, ecosystem, command in _BY_FILE:
        if own is None and any(fnmatchcase(path, pattern) for path in at_root):
            own = LikelyCommand(ecosystem=ecosystem, command=command)
    runner = _task_runner(at_root, read)
    if runner is not None:
        return LikelyCommand(ecosystem=own.ecosystem if own else "", command=runner)
    if own is not None:
        return own
    return next(
        (
            LikelyCommand(ecosystem=ecosystem, command=command)
            for pattern, ecosystem, command in _BY_TESTS
            if any(fnmatchcase(path, pattern) or fnmatchcase(path, f"*/{pattern}") for path in files)
        ),
        None,
    )


def _task_runner(at_root: set[str], read: Read) -> str | None:
    for names, shape, program in (
        (("GNUmakefile", "makefile", "Makefile"), _MAKE, "make"),
        (("justfile", "Justfile", ".justfile"), _JUST, "just"),
    ):
        for name in names:
            found = shape.search((read(name) or b"").decode(errors="replace")) if name in at_root else None
            if found:
                return f"{program} {found.group('target')}"
    return None


def _ruby(files: Sequence[str], at_root: set[str], _read: Read) -> LikelyCommand | None:
    if not ("Gemfile" in at_root or any(path.endswith(".gemspec") for path in at_root)):
        return None
    if any(path.startswith("spec/") for path in files):
        return LikelyCommand(ecosystem="Ruby", command="bundle exec rspec")
    if "bin/rails" in files:
        return LikelyCommand(ecosystem="Ruby", command="bin/rails test")
    return LikelyCommand(ecosystem="Ruby", command="bundle exec rake test")


def _php(_files: Sequence[str], at_root: set[str], read: Read) -> LikelyCommand | None:
    if "composer.json" not in at_root:
        return None
    scripts = parsed_object((read("composer.json") or b"").decode(errors="replace")).get("scripts")
    stated = isinstance(scripts, dict) and "test" in scripts
    return LikelyCommand(ecosystem="PHP", command="composer test" if stated else "vendor/bin/phpunit")
