"""What conda's `environment.yml` lists, as requirements of the Python index. Pure.

Problem: many repositories say what they need to conda alone, which is not run here. Choice: what stands under `pip` is taken as
it is, other packages by their names, which the Python index mostly shares; what conda brings that is no Python package (compilers,
libraries of the system) does not resolve, and then the whole list is left out and said.
"""

import re
from collections.abc import Iterator

from pipeline.repositories.untrusted_yaml import table_of

FILES = ("environment.yml", "environment.yaml", "environment-dev.yml", "conda.yml", "conda.yaml")
_SPEC = re.compile(r"(?:[\w-]+::)?(?P<name>[A-Za-z0-9][\w.-]*)\s*(?P<version>[^\[]*?)\s*(?:\[.*\])?")
_VERSION = re.compile(r"(?P<sign>[<>=!~]{0,2})\s*(?P<number>\d[\w.*]*)")
_NOT_PYTHONS = frozenset(
    {"python", "pip", "conda", "mamba", "nodejs", "make", "cmake", "git", "compilers", "c-compiler", "cxx-compiler"}
)
_CALLED_OTHERWISE = {
    "pytorch": "torch",
    "msgpack-python": "msgpack",
    "pytables": "tables",
    "python-graphviz": "graphviz",
    "matplotlib-base": "matplotlib",
}


def requirements(content: bytes | None) -> list[str]:
    """Return requirements for an installer of Python packages; empty for a text that lists none."""
    listed = table_of((content or b"").decode(errors="replace")).get("dependencies")
    return list(_lines(listed)) if isinstance(listed, list) else []


def _lines(listed: list[object]) -> Iterator[str]:
    for one in listed:
        if isinstance(one, dict):
            more = one.get("pip")
            yield from (line.strip() for line in more if isinstance(line, str)) if isinstance(more, list) else ()
        elif isinstance(one, str) and (found := _SPEC.fullmatch(one.strip())) is not None:
            name = found["name"].lower()
            if name not in _NOT_PYTHONS and not name.startswith(("lib", "_")):
                yield f"{_CALLED_OTHERWISE.get(name, name)}{_specifier(found['version'])}"


def _specifier(text: str) -> str:
    """Turn `=1.2`, `==1.2.3=build`, `>=1,<2` and `1.2` into what the Python index understands; of alternatives nothing."""
    if "|" in text:
        return ""
    parts = []
    for part in filter(None, (one.strip() for one in text.split(","))):
        found = _VERSION.match(part)
        if found is None:
            return ""
        sign, number = found["sign"], found["number"].rstrip(".*")
        loose = sign in {"", "="} or found["number"].endswith("*")
        parts.append(f"=={number}.*" if loose else f"{sign}{number}")
    return ",".join(parts)
