"""Lock, Event, Condition, Semaphore, BoundedSemaphore, Barrier.

The state and the hot methods are in the Rust classes. The rest is inherited from asyncio's.
"""

from __future__ import annotations

import asyncio
import functools

from ferrio import _core
from ferrio.copying import Copyable

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Literal  # noqa: F401  # in a type comment

__all__ = ("Barrier", "BoundedSemaphore", "Condition", "Event", "Lock", "Semaphore")

# `import ferrio as asyncio`: what is not here is asyncio's.
__getattr__: Callable[[str], Any] = functools.partial(getattr, asyncio.locks)

# asyncio's own classes, which install() may replace later.
_Lock = asyncio.Lock
_Event = asyncio.Event
_Semaphore = asyncio.Semaphore
_BoundedSemaphore = asyncio.BoundedSemaphore
_Condition = asyncio.Condition
_Barrier = asyncio.Barrier


class Lock(_core.Lock, _Lock, Copyable):  # type: ignore[misc]  # the base is chosen at run time
    __doc__ = _Lock.__doc__


class Event(_core.Event, _Event, Copyable):
    __doc__ = _Event.__doc__

    # This is Python code, which the interpreter enters without a C call. That is fastest for an event that is
    # set.
    async def wait(self):  # type: () -> Literal[True]
        if self._value:
            return True
        waiter = self._waiter()
        try:
            await waiter
            return True
        finally:
            self._waiters.remove(waiter)

    wait.__doc__ = _Event.wait.__doc__


class Semaphore(_core.Semaphore, _Semaphore, Copyable):  # type: ignore[misc]  # the base is chosen at run time
    __doc__ = _Semaphore.__doc__


class BoundedSemaphore(Semaphore, _BoundedSemaphore):  # type: ignore[misc]  # the base is chosen at run time
    __doc__ = _BoundedSemaphore.__doc__

    def __init__(self, value: int = 1) -> None:
        self._bound_value = value
        super().__init__(value)

    def release(self) -> None:
        """Add one to the counter. ValueError if it would exceed the initial value."""
        if self._value >= self._bound_value:
            raise ValueError("BoundedSemaphore released too many times")
        super().release()


class Condition(_core.Condition, _Condition, Copyable):  # type: ignore[misc]  # the base is chosen at run time
    __doc__ = _Condition.__doc__


class Barrier(_core.Barrier, _Barrier, Copyable):
    __doc__ = _Barrier.__doc__


for _class in (Lock, Event, Semaphore, BoundedSemaphore, Condition, Barrier):
    # Their representations show the module of a class. Programs and people expect asyncio's.
    _class.__module__ = "asyncio.locks"
del _class
