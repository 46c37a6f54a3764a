"""Putting Ferrio into the asyncio namespace, and taking it out again."""

from __future__ import annotations

import asyncio
import sys
from asyncio import events, unix_events

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ("install", "installed", "uninstall")

# asyncio's own stay: new_event_loop() goes by the policy, which somebody may have set; the handles are those
# of asyncio's own loops, and Ferrio's pass for them. The functions for call graphs are replaced with the
# first task.
_STAY = {
    "new_event_loop",
    "Handle",
    "TimerHandle",
    "future_add_to_awaited_by",
    "future_discard_from_awaited_by",
}

# asyncio's own, whatever is put in their place later. 3.11 leaves TaskGroup out of __all__.
originals: dict[str, Any] = {name: getattr(asyncio, name) for name in (*asyncio.__all__, "TaskGroup")}

# What was replaced: the module, the name in it, and what it had before.
_replaced: list[tuple[Any, str, Any]] = []


def _own_names() -> list[str]:
    """Return the names of asyncio's that mean something else in ferrio."""
    import ferrio

    return [name for name, theirs in originals.items() if getattr(ferrio, name) is not theirs]


def _replacements() -> dict[int, tuple[Any, Any]]:
    """Return what is to be replaced, by identity: (asyncio's, Ferrio's)."""
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
    """Put Ferrio's loop and primitives into asyncio: asyncio.run(), asyncio.Queue... are Ferrio's then.

    They are replaced wherever asyncio's modules have them, so that both modules imported before and those
    imported later find them. Doing it again changes nothing.

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
    # asyncio.new_event_loop() and all that ask the default policy for a loop.
    _replace(unix_events._UnixDefaultEventLoopPolicy, "_loop_factory", ferrio.Loop)


def _replace(module: Any, name: str, value: Any) -> None:
    _replaced.append((module, name, getattr(module, name)))
    setattr(module, name, value)


def uninstall() -> None:
    """Take back all that install() has done. What others have put in place of it meanwhile stays.

    RuntimeError while an event loop runs in this thread.
    """
    if events._get_running_loop() is not None:
        raise RuntimeError("ferrio.uninstall() cannot be called from a running event loop")
    ours = {id(value) for _, value in _replacements().values()}
    while _replaced:
        module, name, before = _replaced.pop()
        current = getattr(module, name, None)
        if id(current) in ours:
            setattr(module, name, before)


def installed() -> dict[str, Any]:
    """Return what install() has put into asyncio, by its name there; nothing if it was not called."""
    return {
        name: getattr(asyncio, name)
        for module, name, _ in _replaced
        if module is asyncio and not name.startswith("_")
    }
