"""What runs before a program of `python -m ferrio`, and before the Python programs that it starts.

Ferrio is imported when the program imports asyncio (`begin`). The folder `site` is for the interpreters that
a program starts (`pass_on`): they import its sitecustomize.py, which calls `begin` there.

A program that never imports asyncio does not wait for Ferrio and needs no memory for it. This module imports
only modules that every interpreter has imported, and nothing else of the package: at its import, "ferrio" in
sys.modules may be an empty module, which only serves to find this one.
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

__all__ = ("SITE", "begin", "imported", "pass_on")

# The folder of the sitecustomize.py for child programs.
SITE = os.path.join(os.path.dirname(__file__), "site")


def pass_on() -> None:
    """Let the interpreters that this process starts begin in this way, unless FERRIO_CHILDREN=0 forbids it.

    They find the folder in PYTHONPATH, because only the environment reaches them.
    """
    before = os.environ.get("PYTHONPATH")
    places = before.split(os.pathsep) if before else []
    if os.environ.get("FERRIO_CHILDREN") != "0" and SITE not in places:
        os.environ["PYTHONPATH"] = os.pathsep.join([SITE, *places])


def begin(*, required: bool) -> None:
    """Install Ferrio as soon as the program imports asyncio. A second call changes nothing.

    required: whether a failed import of Ferrio is an error. Otherwise the program uses plain asyncio. Other
    interpreters of a process cannot import Ferrio.
    """
    package = sys.modules.get("ferrio")
    if package is not None and not _is_complete(package):
        del sys.modules["ferrio"]
        package = None
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder) is not _Finder]
    finder = _Finder(required)
    sys.meta_path.insert(0, finder)
    if package is not None:
        _install(package)
    elif "asyncio" in sys.modules:
        finder.import_ferrio()


def imported(package: ModuleType) -> None:
    """Install Ferrio after its import, if begin() was called.

    The package calls this itself, because another import hook before the finder may have loaded the package.
    """
    if any(type(finder) is _Finder for finder in sys.meta_path):
        _install(package)


def _is_complete(package: ModuleType) -> bool:
    return hasattr(package, "install")


def _install(package: Any) -> None:
    """Install Ferrio, and let `ps` look at its loops."""
    if not _is_complete(package):
        return
    package.install()
    from ferrio.inspection.server import serve

    serve()


def _loop_in_place_of(uvloop: Any) -> Any:
    """Return the spec of the module that replaces uvloop, or its submodule with the loop."""
    import importlib.util

    path = os.path.join(os.path.dirname(os.path.dirname(__file__)), "uvloop.py")
    places = uvloop.submodule_search_locations
    return importlib.util.spec_from_file_location(uvloop.name, path, submodule_search_locations=places)


class _Finder:
    """A finder in sys.meta_path that waits for the imports of some modules."""

    def __init__(self, required: bool) -> None:
        self._required = required
        # From the name of a module to what to do after its import.
        self._afterwards: dict[str, Callable[[Any], Any]] = {"asyncio": self.import_ferrio}

    def import_ferrio(self, _: Any = None) -> bool:
        """Import Ferrio, which installs it; if the import has begun already, it is installed at its end.

        Return False if it cannot be imported and is not required.
        """
        try:
            import ferrio  # noqa: F401
        except ImportError:
            if self._required:
                raise
            if self in sys.meta_path:
                sys.meta_path.remove(self)
            return False
        return True

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name in {"uvloop", "uvloop.loop"} and not os.environ.get("FERRIO_KEEP_UVLOOP"):
            spec = self._find_elsewhere(name, path, target)
            return spec and (_loop_in_place_of(spec) if self.import_ferrio() else spec)
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
    """The loader of another finder, and something to do after it has loaded its module."""

    def __init__(self, loader: Any, afterwards: Callable[[Any], Any]) -> None:
        self._loader = loader
        self._afterwards = afterwards

    def exec_module(self, module: Any) -> None:
        # From here on, the module has its own loader.
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._afterwards(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)
