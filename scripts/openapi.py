"""Writes dashboard/openapi.json, from which the dashboard's types are generated. The version is left out: it is not a type."""

import json
from pathlib import Path

from controller.app import bare_app

PAGE = Path(__file__).parents[1] / "dashboard" / "openapi.json"


def main() -> None:
    """Write the schema."""
    PAGE.write_text(render())


def render() -> str:
    """Return the schema of today's controller."""
    schema = bare_app().openapi()
    schema["info"]["version"] = "0"
    return json.dumps(schema, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    main()
