"""Methods whose modules are imported when they are first used.

A program that opens no connection does not wait for the import of those that do.
"""

from __future__ import annotations

import importlib

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ("provide",)


class _Method:
    """A method of a mixin, in the place of which the mixin's own is put when it is first asked for."""

    __slots__ = ("_mixin", "_module", "_name", "_owner")

    def __init__(self, owner: type, module: str, mixin: str, name: str) -> None:
        self._owner, self._module, self._mixin, self._name = owner, module, mixin, name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        mixin = getattr(importlib.import_module(self._module), self._mixin)
        # All that it has: its methods call each other.
        for name, value in vars(mixin).items():
            present = vars(self._owner).get(name)
            if not name.startswith("__") and (present is None or isinstance(present, _Method)):
                setattr(self._owner, name, value)
        return vars(mixin)[self._name].__get__(instance, owner)


def provide(owner: type, module: str, mixin: str, *names: str) -> None:
    """Give a class the methods of a mixin without importing its module now.

    names: those that are called from elsewhere.
    """
    for name in names:
        setattr(owner, name, _Method(owner, module, mixin, name))
