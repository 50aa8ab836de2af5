"""What `.tool-versions` (asdf) and `mise.toml` say about a tool's version. Pure; what cannot be read says nothing."""

from collections.abc import Callable, Collection, Iterator
from pathlib import PurePosixPath

from pipeline.adapters.environments.python_manifests import read_toml, table

TOOL_FILES = (".tool-versions", "mise.toml", ".mise.toml")


def tool_versions(
    read: Callable[[str], bytes | None], folder: str, names: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Yield file and version of what is asked for under one of these names in a folder, the first of several."""
    lines = (read(str(PurePosixPath(folder) / TOOL_FILES[0])) or b"").decode(errors="replace").splitlines()[:200]
    for words in (line.partition("#")[0].split() for line in lines):
        if len(words) > 1 and words[0] in names:
            yield TOOL_FILES[0], words[1]
    for file in TOOL_FILES[1:]:
        tools = table(read_toml(read(str(PurePosixPath(folder) / file))), "tools")
        for name in names:
            said = tools.get(name)
            said = said.get("version") if isinstance(said, dict) else said
            said = said[0] if isinstance(said, list) and said else said
            if isinstance(said, str):
                yield file, said
