"""Finds modules that the installation generated, in a mirror of the tree, after everything else was asked.

Started by a `.pth` line of the environment. `TREE` and `MIRROR` are written in when the environment is built.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec, PathFinder
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

TREE, MIRROR = "@TREE@", "@MIRROR@"


class Generated:
    """A last finder: what a clean tree lacks, such as a version file or a compiled module."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, _target: object = None) -> ModuleSpec | None:
        """Look in the mirror of each place of the tree that was searched."""
        searched = sys.path if path is None else path
        named = [os.path.abspath(place) for place in map(str, searched)]  # noqa: PTH100 - links stay as they are
        places = [MIRROR + place[len(TREE) :] for place in named if (place + "/").startswith(TREE + "/")]
        return PathFinder.find_spec(name, places) if places else None


def begin() -> None:
    """Let this interpreter look there."""
    sys.meta_path.append(Generated)
