"""`.changeline/repository.yaml`: what a repository says about itself, from its base branch alone."""

from collections.abc import Sequence
from typing import Any

import yaml

from pipeline.repositories.components import Component

REPOSITORY_FILE = ".changeline/repository.yaml"
_HEAD = """\
# What Changeline should know of this repository; read from the base branch only.
# Everything that you delete here is found by the files again. docs/repository-configuration.md explains each line.
"""


def starting_file(components: Sequence[Component]) -> str:
    """Return a first `.changeline/repository.yaml` that states what was found, to be corrected by a person."""
    listed = [_entry(one) for one in components]
    return _HEAD + yaml.safe_dump({"components": listed}, sort_keys=False, allow_unicode=True, width=120)


def _entry(component: Component) -> dict[str, Any]:
    entry: dict[str, Any] = {"root": component.root, "language": component.stack.language.value}
    entry["commands"] = {"test": component.stack.test_command}
    if component.depends_on:
        entry["depends_on"] = list(component.depends_on)
    return entry
