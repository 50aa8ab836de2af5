"""Takes the rules about how a change looks out of an installation's processes, so that the witnesses stand alone.

`python -m tamper --witnesses-alone` puts this folder on `PYTHONPATH`, and Python imports the module by its name before anything
else. What is left is what runs: protected files put back, red, green, the suites, the planted test, planted failures, the change
taken out. Nothing of the product leads here, and there is no setting that does the same.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType


def _nothing(*_given: object, **_named: object) -> list[object]:
    return []


async def _nothing_later(*_given: object, **_named: object) -> list[object]:
    return []


_WITHOUT: Mapping[str, Mapping[str, Callable[..., object]]] = {
    "pipeline.proof.protected_tests": {"check_code_writer": _nothing},
    "pipeline.coding.shadowing": {"shadows_of": _nothing_later},
    "pipeline.proof.test_writing_rules": {"broken_rules": _nothing, "emptied_tests": _nothing},
    "pipeline.proof.how_it_is_run": {"look": _nothing},
}


class _Stripped(Loader):
    """Loads a module as it is, then takes its rules out before anybody else has them."""

    def __init__(self, own: Loader) -> None:
        self._own = own

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._own.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._own.exec_module(module)
        for name, empty in _WITHOUT[module.__name__].items():
            if not hasattr(module, name):
                raise AttributeError(
                    f"{module.__name__} has no {name} any more: tamper/witnesses_alone is out of date."
                )
            setattr(module, name, empty)


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target) if fullname in _WITHOUT else None
        if spec is not None and spec.loader is not None:
            spec.loader = _Stripped(spec.loader)
        return spec


sys.meta_path.insert(0, _Finder())
