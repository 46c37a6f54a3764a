"""Noting which tasks have acquired which locks, and where primitives were made.

The Rust classes do it, in debug mode or when the program asks for it (`note_owners()`). asyncio's own classes
do not.
"""

from __future__ import annotations

import os
import sys
import weakref

from ferrio import _core

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ("are_noted", "note_origin", "note_owners", "origin_of", "owners_of")

# By the identity of the primitive, as primitives of the program's may have any equality; the weak reference
# removes the entry.
_origins: dict[int, tuple[weakref.ref[Any], str]] = {}


# Whether the program has asked for it. Rust counts who wants it.
_is_asked_for = False


def note_owners(enabled: bool = True) -> None:
    """Have locks and semaphores note the tasks that acquire them, for `ferrio.explain()`.

    It holds for the whole process, for what happens from now on. Debug mode and detect_deadlock=True do the
    same. Without it, `ferrio.explain()` knows the holders that are inside of an `async with` statement, and
    no others. A lock that is held keeps the task alive meanwhile.
    """
    global _is_asked_for
    if bool(enabled) != _is_asked_for:
        _is_asked_for = not _is_asked_for
        _core._note_owners(1 if enabled else -1)


def are_noted() -> bool:
    """Return whether owners are noted."""
    return _core._note_owners(0) > 0


def note_origin(primitive: Any) -> None:
    """Note where a primitive is made. Rust calls this, inside of its __init__()."""
    from ferrio.inspection.names import place

    key = id(primitive)
    try:
        reference = weakref.ref(primitive, lambda _: _origins.pop(key, None))
    except TypeError:
        # A class of the program's without weak references.
        return
    _origins[key] = (reference, place(sys._getframe(1)))


def origin_of(primitive: Any) -> str:
    """Return where a primitive was made, as file:line, or an empty str."""
    reference, made = _origins.get(id(primitive), (None, ""))
    return made if reference is not None and reference() is primitive else _source(primitive)


def _source(future: Any) -> str:
    """Return where a future was made, which futures note in debug mode."""
    traceback = (
        getattr(future, "_source_traceback", None) if hasattr(type(future), "_source_traceback") else None
    )
    if not traceback:
        return ""
    from ferrio.inspection.chains import LIBRARIES

    for entry in reversed(traceback):
        if not entry.filename.startswith(LIBRARIES):
            return f"{os.path.basename(entry.filename)}:{entry.lineno}"
    return ""


def owners_of(primitive: Any) -> list[Any]:
    """Return the tasks that have acquired a lock or semaphore, as far as they were noted."""
    if isinstance(primitive, _core.Lock):
        return [primitive._owner] if primitive._owner is not None else []
    return primitive._owners if isinstance(primitive, _core.Semaphore) else []
