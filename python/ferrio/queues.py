"""Queue, LifoQueue, PriorityQueue.

The state and the hot methods are in the Rust class. The rest is inherited from asyncio's.
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
    from typing import Any, TypeAlias

__all__ = ("LifoQueue", "PriorityQueue", "Queue")

# `import ferrio as asyncio`: what is not here is asyncio's.
__getattr__: Callable[[str], Any] = functools.partial(getattr, asyncio.queues)

# asyncio's own classes, which install() may replace later.
if TYPE_CHECKING:
    _Queue: TypeAlias = asyncio.Queue[Any]
    _LifoQueue: TypeAlias = asyncio.LifoQueue[Any]
    _PriorityQueue: TypeAlias = asyncio.PriorityQueue[Any]
else:
    _Queue = asyncio.Queue
    _LifoQueue = asyncio.LifoQueue
    _PriorityQueue = asyncio.PriorityQueue


class Queue(_core.Queue, _Queue, Copyable):
    __doc__ = _Queue.__doc__


class LifoQueue(Queue, _LifoQueue):
    __doc__ = _LifoQueue.__doc__


class PriorityQueue(Queue, _PriorityQueue):
    __doc__ = _PriorityQueue.__doc__


for _class in (Queue, LifoQueue, PriorityQueue):
    # Their representations show the module of a class. Programs and people expect asyncio's.
    _class.__module__ = "asyncio.queues"
del _class
