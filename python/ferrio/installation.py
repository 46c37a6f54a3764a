"""Putting Ferrio into the namespace of asyncio, and removing it again."""

from __future__ import annotations

import asyncio
import sys
from asyncio import events, unix_events

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ("install", "installed", "uninstall")

# These stay asyncio's: new_event_loop() asks the policy, which the program may have set. asyncio's own loops
# use the handles, and Ferrio's handles pass for them.
_STAY = {"new_event_loop", "Handle", "TimerHandle"}

# asyncio's own objects, which may be replaced later. In 3.11, __all__ lacks TaskGroup.
originals: dict[str, Any] = {name: getattr(asyncio, name) for name in (*asyncio.__all__, "TaskGroup")}

# What was replaced: the module, the name in it, and what it had before.
_replaced: list[tuple[Any, str, Any]] = []


def _own_names() -> list[str]:
    """Return the names of asyncio's objects for which Ferrio has others."""
    import ferrio

    return [name for name, theirs in originals.items() if getattr(ferrio, name) is not theirs]


def _replacements() -> dict[int, tuple[Any, Any]]:
    """Return the pairs of objects to replace, (asyncio's, Ferrio's)."""
    import ferrio

    return {
        id(originals[name]): (originals[name], getattr(ferrio, name))
        for name in _own_names()
        if name not in _STAY
    }


def _asyncio_modules() -> list[Any]:
    names = [name for name in sys.modules if name == "asyncio" or name.startswith("asyncio.")]
    return [sys.modules[name] for name in names if sys.modules[name] is not None]


def install() -> None:
    """Put Ferrio's loop and primitives into asyncio: asyncio.run(), asyncio.Queue... become Ferrio's.

    They are replaced in all of asyncio's modules, so that modules imported before and later find them. A
    second call changes nothing.

    RuntimeError while an event loop runs in this thread.
    """
    if events._get_running_loop() is not None:
        raise RuntimeError("ferrio.install() cannot be called from a running event loop")
    if _replaced:
        return
    import ferrio

    pairs = _replacements()
    for module in _asyncio_modules():
        for name, value in list(vars(module).items()):
            pair = pairs.get(id(value))
            if pair is not None and pair[0] is value:
                _replace(module, name, pair[1])
    # For asyncio.new_event_loop() and everything else that asks the default policy for a loop.
    _replace(unix_events._UnixDefaultEventLoopPolicy, "_loop_factory", ferrio.Loop)


def _replace(module: Any, name: str, value: Any) -> None:
    _replaced.append((module, name, getattr(module, name)))
    setattr(module, name, value)


def uninstall() -> None:
    """Undo install(). What the program has replaced meanwhile stays.

    RuntimeError while an event loop runs in this thread.
    """
    if events._get_running_loop() is not None:
        raise RuntimeError("ferrio.uninstall() cannot be called from a running event loop")
    import ferrio

    ours = {id(ferrio.Loop), *(id(value) for _, value in _replacements().values())}
    while _replaced:
        module, name, before = _replaced.pop()
        current = getattr(module, name, None)
        if id(current) in ours:
            setattr(module, name, before)


def installed() -> dict[str, Any]:
    """Return a dict from names in asyncio to what install() has put there; empty if it was not called."""
    return {
        name: getattr(asyncio, name)
        for module, name, _ in _replaced
        if module is asyncio and not name.startswith("_")
    }
