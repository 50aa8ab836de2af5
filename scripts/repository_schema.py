"""Writes docs/reference/repository.schema.json: what `.changeline/repository.yaml` may say, for editors and people."""

import json
from pathlib import Path

from pipeline.repositories.repository_file import RepositoryFile

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "repository.schema.json"


def main() -> None:
    """Write the schema."""
    PAGE.write_text(render())


def render() -> str:
    """Return the schema."""
    schema = RepositoryFile.model_json_schema()
    told = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": ".changeline/repository.yaml"}
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    main()
