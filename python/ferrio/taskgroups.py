"""TaskGroup.

The way of a group whose tasks do not fail is in the Rust class; the rest is inherited from asyncio's.
"""

from __future__ import annotations

import asyncio
import functools

from ferrio import _core

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ("TaskGroup",)

# `import ferrio as asyncio`: what is not here is asyncio's.
__getattr__: Callable[[str], Any] = functools.partial(getattr, asyncio.taskgroups)

# asyncio's own, also once something else has been put in its place.
_TaskGroup = asyncio.TaskGroup


class TaskGroup(_core.TaskGroup, _TaskGroup):
    __doc__ = _TaskGroup.__doc__

    def __init__(self) -> None:
        _TaskGroup.__init__(self)


# Its representation shows where it comes from; programs and people expect asyncio there.
TaskGroup.__module__ = "asyncio.taskgroups"
