"""The scripts of a package.json, as text; hostile input, so that whatever is no script counts as none."""

from collections.abc import Iterable

from pipeline.proof.json_text import parsed_object


def scripts_of(package_json: str) -> dict[str, str]:
    """Return each script by its name."""
    scripts = parsed_object(package_json).get("scripts")
    return (
        {str(name): text for name, text in scripts.items() if isinstance(text, str)}
        if isinstance(scripts, dict)
        else {}
    )


def with_hooks(names: Iterable[str]) -> list[str]:
    """Return the names with those that a package manager runs before and after each."""
    return [hooked for name in names for hooked in (f"pre{name}", name, f"post{name}")]
