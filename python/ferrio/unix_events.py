"""The SelectorEventLoop and EventLoop that install() puts into asyncio.

A call of them creates a Ferrio loop. A class that a program derives from them has asyncio's own loop as its
base, because such classes override internals of asyncio's loop, drive it from another event loop (qasync), or
give it a selector. Ferrio's loop has nothing of that. To extend Ferrio's loop, a program derives from
ferrio.Loop.
"""

from __future__ import annotations

import asyncio.unix_events
import functools
import logging
import types

from ferrio.loop import Loop

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ("EventLoop", "SelectorEventLoop")

# `import ferrio as asyncio`: what is not here is asyncio's.
__getattr__: Callable[[str], Any] = functools.partial(getattr, asyncio.unix_events)

# asyncio's own class, which install() may replace later.
_AsyncioLoop: Any = asyncio.unix_events._UnixSelectorEventLoop


class _LoopType(type):
    """Gives derived classes asyncio's loop as their base. Instances of both loops are its instances."""

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any) -> Any:
        if not any(isinstance(base, _LoopType) for base in bases):
            return super().__new__(cls, name, bases, namespace, **options)
        logging.getLogger("ferrio").info(
            "%s.%s derives from asyncio's loop and keeps it; ferrio.Loop is there to be extended too",
            namespace.get("__module__"),
            name,
        )
        bases = tuple(_AsyncioLoop if isinstance(base, _LoopType) else base for base in bases)
        return types.new_class(name, bases, options, lambda made: made.update(namespace))

    def __call__(cls, selector: Any = None) -> Any:
        """Return a new loop: Ferrio's, or asyncio's for a selector of the program's own."""
        if selector is None or type(selector).__module__ == "selectors":
            return Loop(selector)
        return _AsyncioLoop(selector)

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, (Loop, _AsyncioLoop))

    def __subclasscheck__(cls, other: Any) -> bool:
        return issubclass(other, (Loop, _AsyncioLoop))

    def __getattribute__(cls, name: str) -> Any:
        """Return an attribute. A method that is called through the class works for both loops."""
        if name == "__dict__":
            return Loop.__dict__
        own = super().__getattribute__(name)
        theirs = getattr(_AsyncioLoop, name, None)
        if not isinstance(theirs, types.FunctionType):
            return own

        @functools.wraps(theirs)
        def method(self: Any, *arguments: Any, **keywords: Any) -> Any:
            return (theirs if isinstance(self, _AsyncioLoop) else own)(self, *arguments, **keywords)

        return method

    # Code that patches this class means its loops.

    def __setattr__(cls, name: str, value: Any) -> None:
        setattr(Loop, name, value)

    def __delattr__(cls, name: str) -> None:
        delattr(Loop, name)


class SelectorEventLoop(Loop, metaclass=_LoopType):
    """asyncio.SelectorEventLoop while Ferrio is installed. It creates Ferrio's loops."""

    __slots__ = ()


EventLoop = SelectorEventLoop
