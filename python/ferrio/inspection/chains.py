"""What a coroutine awaits, down to the innermost object."""

from __future__ import annotations

import asyncio
import gc
import os
import types
from collections.abc import Iterator

from ferrio import _core, versions

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = (
    "FUNCTIONS",
    "LIBRARIES",
    "awaited_by",
    "frame_of",
    "is_library",
    "links",
    "locals_of",
    "name_of",
    "place_of",
)

# What the interpreter puts between an await and the coroutine or generator: no name leads from it to that.
_WRAPPERS = {"anext_awaitable", "async_generator_asend", "async_generator_athrow", "coroutine_wrapper"}

# The folders of asyncio and of Ferrio. The first lock of a running loop in debug mode may import this module,
# so it asks the system nothing: detectors of blocking calls would report that.
LIBRARIES = tuple(os.path.dirname(path) + os.sep for path in (asyncio.__file__, os.path.dirname(__file__)))

# What may stand for __aexit__() on the stack of a coroutine. The attributes of other objects are not asked
# for: that may run code of the program.
FUNCTIONS: tuple[type, ...] = (
    types.FunctionType,
    types.MethodType,
    types.BuiltinMethodType,
    types.MethodWrapperType,
    type(_core.Lock.__aexit__),
)

# The longest chain that is followed. A chain of this length has a cycle of the program's own objects.
_LONGEST = 10000


def links(coroutine: Any) -> Iterator[Any]:
    """Yield a coroutine, what it awaits, what that awaits, and so on."""
    for _ in range(_LONGEST):
        coroutine = _without_wrappers(coroutine)
        if coroutine is None:
            return
        yield coroutine
        coroutine = awaited_by(coroutine)


def awaited_by(coroutine: Any) -> Any:
    """Return what a coroutine or generator awaits, or None."""
    for name in ("cr_await", "gi_yieldfrom", "ag_await"):
        awaited = _attribute(coroutine, name)
        if awaited is not None:
            return awaited
    return None


def frame_of(coroutine: Any) -> types.FrameType | None:
    """Return the frame of a coroutine or generator. Those in Rust have one that only names a function."""
    for name in ("cr_frame", "gi_frame", "ag_frame"):
        frame = _attribute(coroutine, name)
        if isinstance(frame, types.FrameType):
            return frame
    return None


def name_of(awaited: Any) -> str:
    """Return the qualified name of a coroutine or generator, or an empty str."""
    name = _attribute(awaited, "__qualname__")
    return name if isinstance(name, str) else ""


def is_library(awaited: Any) -> bool:
    """Return whether a link is code of asyncio's or Ferrio's."""
    if type(awaited).__module__ == "ferrio._core":
        return True
    frame = frame_of(awaited)
    return frame is not None and frame.f_code.co_filename.startswith(LIBRARIES)


def place_of(coroutine: Any) -> str:
    """Return where a coroutine stands, as file:line in function: the innermost place outside of asyncio."""
    found = ""
    for link in links(coroutine):
        found = found or f"in {name_of(link) or type(link).__name__}()"
        frame = frame_of(link)
        if frame is not None and not is_library(link):
            found = f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno} in {frame.f_code.co_name}"
    return found or "without a coroutine"


def locals_of(frame: types.FrameType) -> dict[str, Any]:
    """Return the local variables of a function's frame. The frame does not keep them for that."""
    found = frame.f_locals
    values = dict(found)
    if not versions.FRAME_LOCALS_ARE_VIEWS and found is not frame.f_globals:
        # A snapshot, which the frame would keep, and with it the objects.
        found.clear()
    return values


def _attribute(thing: Any, name: str) -> Any:
    """Return an attribute, or None. An awaitable of the program's may raise anything."""
    try:
        return getattr(thing, name, None)
    except Exception:
        return None


def _without_wrappers(awaited: Any) -> Any:
    """Return the coroutine or generator that an object is about, if it is a wrapper of the interpreter's."""
    while type(awaited).__name__ in _WRAPPERS:
        kinds = (types.CoroutineType, types.AsyncGeneratorType)
        held = gc.get_referents(awaited)
        inner = [one for one in held if isinstance(one, kinds) or type(one).__name__ in _WRAPPERS]
        awaited = inner[0] if inner else None
    return awaited
