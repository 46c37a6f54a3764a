"""What is done before a program of `python -m ferrio` runs: Ferrio comes into it when it imports asyncio.

A program that never imports asyncio does not wait for Ferrio and needs no memory for it. This module imports
only what an interpreter has imported by itself, and nothing of the rest of the package: when it is imported,
"ferrio" in sys.modules may be a module without contents, by which this one is found.
"""

from __future__ import annotations

import os
import sys

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

__all__ = ("begin",)


def begin() -> None:
    """Have Ferrio installed as soon as the program imports asyncio. Doing it again changes nothing."""
    package = sys.modules.get("ferrio")
    if package is not None and not _is_complete(package):
        del sys.modules["ferrio"]
        package = None
    if not any(type(finder) is _Finder for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    if package is not None:
        _install(package)
    elif "asyncio" in sys.modules:
        _import_ferrio()


def _is_complete(package: ModuleType) -> bool:
    return hasattr(package, "install")


def _import_ferrio(_: Any = None) -> None:
    """Import Ferrio, by which it is installed; if that has begun already, it is when that ends."""
    import ferrio  # noqa: F401


def _install(package: Any) -> None:
    """Put a Ferrio that was imported into asyncio, and let its loops be looked at."""
    if not _is_complete(package):
        return
    package.install()
    from ferrio.inspection.server import serve

    serve()


def _loop_in_place_of(uvloop: Any) -> Any:
    """Return the spec of what a program gets as uvloop, or of the submodule that has its loop."""
    import importlib.util

    _import_ferrio()
    path = os.path.join(os.path.dirname(os.path.dirname(__file__)), "uvloop.py")
    places = uvloop.submodule_search_locations
    return importlib.util.spec_from_file_location(uvloop.name, path, submodule_search_locations=places)


class _Finder:
    """Waits in sys.meta_path for the modules at whose import something is to be done."""

    def __init__(self) -> None:
        # By the name of a module: what to do when it has been imported.
        self._afterwards: dict[str, Callable[[Any], None]] = {"asyncio": _import_ferrio, "ferrio": _install}

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name in {"uvloop", "uvloop.loop"} and not os.environ.get("FERRIO_KEEP_UVLOOP"):
            spec = self._find_elsewhere(name, path, target)
            return spec and _loop_in_place_of(spec)
        afterwards = self._afterwards.get(name)
        if afterwards is None:
            return None
        spec = self._find_elsewhere(name, path, target)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = _Loader(spec.loader, afterwards)
        return spec

    def _find_elsewhere(self, name: str, path: Any, target: Any) -> Any:
        """Find a module as if this finder were not there."""
        for finder in sys.meta_path:
            if finder is not self and hasattr(finder, "find_spec"):
                spec = finder.find_spec(name, path, target)
                if spec is not None:
                    return spec
        return None


class _Loader:
    """Another's loader, and something to do when it has loaded its module."""

    def __init__(self, loader: Any, afterwards: Callable[[Any], None]) -> None:
        self._loader = loader
        self._afterwards = afterwards

    def exec_module(self, module: Any) -> None:
        # From here on nothing shows that there was another.
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._afterwards(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)
