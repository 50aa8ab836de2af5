"""Writes docs/reference/evidence.schema.json: what an evidence bundle holds, for who verifies it without our code.

Choice: the models' own schema, with the words that stand below each field in the source; the models themselves do not pay for
carrying them.
"""

import ast
import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from pipeline import findings
from pipeline.evidence import bundle, rules_record
from pipeline.proof import baseline, green, missing_symbols, red_green, test_reports

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "evidence.schema.json"
_DECLARING = (bundle, rules_record, findings, test_reports, red_green, green, baseline, missing_symbols)


def main() -> None:
    """Write the schema."""
    PAGE.write_text(render(), encoding="utf-8")


def render() -> str:
    """Return the schema."""
    return _written(bundle.EvidenceBundle, "An evidence bundle of Changeline, schema version 1")


def _written(model: type[BaseModel], title: str) -> str:
    schema = model.model_json_schema()
    told = dict(_told())
    for name, part in [(model.__name__, schema), *schema["$defs"].items()]:
        if "properties" in part:
            part.setdefault("additionalProperties", False)
        for field, described in part.get("properties", {}).items():
            described.pop("title", None)
            if (name, field) in told:
                described["description"] = told[name, field]
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": title}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _told() -> Iterator[tuple[tuple[str, str], str]]:
    """Yield class and field with the text that follows the field in its class."""
    classes: Any = (
        node for module in _DECLARING for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.ClassDef)
    )  # fmt: skip
    for one in classes:
        for field, text in zip(one.body, one.body[1:], strict=False):
            match field, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                    yield (one.name, name), " ".join(words.split())


if __name__ == "__main__":
    main()
