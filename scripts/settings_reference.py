"""Writes docs/reference/settings.md from the settings classes, so that the page cannot be wrong.

Names, types and defaults come from the models; sentences come from the docstrings under the fields, which are read from
the source because Python does not keep them.
"""

import ast
import inspect
import itertools
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pipeline.settings.process import ProcessSettings
from pipeline.settings.runtime import SECTIONS

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "settings.md"
LONG = 90
"""Characters of a default beyond which the page says how many values there are instead."""


def main() -> None:
    """Write the page."""
    PAGE.write_text(render())


def render() -> str:
    """Return the page."""
    return "\n".join([*_header(), *_process_settings(), *_runtime_settings()])


def _header() -> list[str]:
    return [
        "# Settings",
        "",
        "Written by `make docs` from the settings classes; a test keeps it fresh.",
        "",
        "There are two kinds. A *process setting* is what a process must know before it can read the database; it comes",
        "from the environment and holds until the process ends. A *runtime setting* is kept in the database in versions;",
        "a change touches new change requests only, because each one runs on the snapshot taken when it was submitted;",
        "`dispatch` and `notifications` concern the controller alone and hold at once.",
        "",
    ]


def _process_settings() -> Iterator[str]:
    yield from ("## Process settings", "", "From the environment: prefix `CHANGELINE_`, groups joined by `__`.", "")
    yield from _table(
        (f"CHANGELINE_{name.upper()}", ProcessSettings, name) for name in ProcessSettings.model_fields if _plain(name)
    )
    for group, field in ProcessSettings.model_fields.items():
        model = field.annotation
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            continue
        yield from (f"### {group}", "", inspect.cleandoc(model.__doc__ or ""), "")
        yield from _table((f"CHANGELINE_{group}__{name}".upper(), model, name) for name in model.model_fields)


def _runtime_settings() -> Iterator[str]:
    yield from (
        "## Runtime settings",
        "",
        "Read and changed with `changeline settings` or `/api/v1/settings/{section}`.",
        "",
    )
    for section, model in SECTIONS.items():
        yield from (f"### {section}", "", inspect.cleandoc(model.__doc__ or ""), "")
        yield from _table((name, model, name) for name in model.model_fields)


def _plain(name: str) -> bool:
    annotation = ProcessSettings.model_fields[name].annotation
    is_group = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return not is_group and not name.startswith("ambient_")


def _table(rows: Iterator[tuple[str, type[BaseModel], str]]) -> Iterator[str]:
    yield from ("| name | type | default | meaning |", "|---|---|---|---|")
    for shown, model, name in rows:
        field = model.model_fields[name]
        cells = [f"`{shown}`", _type(field.annotation), _default(field), _sentences(model).get(name, "")]
        yield "| " + " | ".join(cells) + " |"
    yield ""


def _type(annotation: Any) -> str:
    if get_origin(annotation) in (Union, types.UnionType):
        return " or ".join(_type(part) for part in get_args(annotation) if part is not type(None))
    if get_origin(annotation) is tuple:
        return f"list of {_type(get_args(annotation)[0])}"
    known = {"SecretStr": "secret", "str": "text", "int": "whole number", "float": "number", "bool": "true or false"}
    name = getattr(annotation, "__name__", str(annotation))
    return known.get(name, {"Path": "path", "Decimal": "decimal", "ModelChoice": "provider and model"}.get(name, name))


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        shown = ", ".join(getattr(item, "model", str(item)) for item in value)
        return f"`{shown}`" if len(shown) <= LONG else f"{len(value)} values, see the source"
    return f"`{value}`"


def _sentences(model: type[BaseModel]) -> dict[str, str]:
    """Docstrings under fields, by field name."""
    statements = next(
        node for node in ast.walk(ast.parse(inspect.getsource(model))) if isinstance(node, ast.ClassDef)
    ).body
    found: dict[str, str] = {}
    for statement, following in itertools.pairwise(statements):
        match statement, following:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = " ".join(text.split()).replace("|", "\\|")
    return found


if __name__ == "__main__":
    main()
