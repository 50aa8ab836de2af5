"""Where a submodule's repository is, by what its parent says about it.

Problem: `.gitmodules` is a repository's own file, and git obeys it: addresses that run programs, names that lead out of
where they belong. Choice: of an entry only path and address count; a relative address is resolved against the parent's as
git does it, every other one goes through the parser of all addresses. Invariant: no entry names a path of this machine
whose parent is not on this machine itself.
"""

from collections.abc import Mapping
from pathlib import PurePosixPath

from pipeline.errors import CallerError
from pipeline.repositories.remote_address import RemoteAddress

_SECTION = "submodule."


def addresses_by_path(values: Mapping[str, str]) -> dict[str, str]:
    """Return path to address of the entries of a `.gitmodules`, read as git's configuration: key to value."""
    paths = {key.removesuffix(".path"): value for key, value in values.items() if _is_of_a_submodule(key, ".path")}
    return {path: values[f"{name}.url"] for name, path in paths.items() if f"{name}.url" in values}


def address_beside(written: str, parent: RemoteAddress) -> RemoteAddress:
    """Return the address that a submodule's entry means. Raises `CallerError` for one that may not be meant."""
    if written.startswith(("./", "../")):
        return RemoteAddress.parse(_resolved(written, parent))
    address = RemoteAddress.parse(written)
    if address.is_local and not parent.is_local:
        raise CallerError(
            "Its address is a path, and the repository itself comes over a network.", field="remote",
            remedy="Give it an address on a network, or one that is relative to the repository's.",
        )  # fmt: skip
    return address


def _is_of_a_submodule(key: str, ending: str) -> bool:
    return key.startswith(_SECTION) and key.endswith(ending) and len(key) > len(_SECTION) + len(ending)


def _resolved(written: str, parent: RemoteAddress) -> str:
    front = parent.text.removesuffix(parent.path)
    parts = [part for part in parent.path.split("/") if part]
    for part in written.split("/"):
        if part == "..":
            if not parts:
                raise CallerError(
                    "Its relative address leads above the place where the repository is.", field="remote",
                    remedy="Write the whole address.",
                )  # fmt: skip
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    root = "/" if parent.path.startswith("/") else ""
    return f"{front}{root}{PurePosixPath(*parts) if parts else ''}"
