"""Writes docs/cli.md from the commands themselves, so that the page cannot be wrong."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cli.main import EPILOG
from cli.registry import VERBS, load

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"


def main() -> None:
    """Write the page."""
    PAGE.write_text(render(), encoding="utf-8")


def render() -> str:
    """Return the page."""
    return "\n".join([*_header(), *_verbs()]).rstrip() + "\n"


def _header() -> Iterator[str]:
    yield "# Command line"
    yield ""
    yield "Written by `make docs` from the commands; a test keeps it fresh. `changeline VERB --help` says the same."
    yield ""
    yield "Every command takes `--json`: one JSON value on stdout, progress on stderr; a refusal is"
    yield '`{"error": …, "field": …, "remedy": …}`. `CR` is the id of a change request, or `latest`.'
    yield "Shell completion: `changeline --install-completion`."
    yield ""
    yield EPILOG + "."
    yield ""


def _verbs() -> Iterator[str]:
    for panel in dict.fromkeys(verb.panel for verb in VERBS):
        yield f"## {panel}"
        yield ""
        for verb in VERBS:
            if verb.panel == panel and not verb.hidden:
                yield from _command(verb.name, load(verb.name))


def _command(name: str, command: Any) -> Iterator[str]:
    inner = getattr(command, "commands", None)
    yield f"### `changeline {name}{_arguments(command)}`" if inner is None else f"### `changeline {name}`"
    yield ""
    yield inspect.cleandoc(command.help or "")
    yield ""
    yield from _options(command)
    yield ""
    for sub, each in (inner or {}).items():
        yield from _command(f"{name} {sub}", each)


def _arguments(command: Any) -> str:
    found = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    return "".join(
        f" {one.metavar or one.name.upper()}" if one.required else f" [{one.metavar or one.name.upper()}]"
        for one in found
    )


def _options(command: Any) -> Iterator[str]:
    for one in command.params:
        if one.param_type_name != "option" or one.hidden or "--json" in one.opts or "--help" in one.opts:
            continue
        value = "" if one.is_flag else f" {one.metavar or one.name.upper()}"
        required = " (required)" if one.required else ""
        yield f"- `{', '.join(one.opts)}{value}`: {one.help or ''}{required}".rstrip(": ")


if __name__ == "__main__":
    main()
