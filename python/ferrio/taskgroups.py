"""TaskGroup.

The Rust class has the code for groups whose tasks do not fail. The rest is inherited from asyncio's.
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
    from typing import Any

__all__ = ("TaskGroup",)

# `import ferrio as asyncio`: what is not here is asyncio's.
__getattr__: Callable[[str], Any] = functools.partial(getattr, asyncio.taskgroups)

# asyncio's own class, which install() may replace later.
_TaskGroup = asyncio.TaskGroup


class TaskGroup(_core.TaskGroup, _TaskGroup, Copyable):
    # Early versions of 3.11 have none.
    __doc__ = (
        _TaskGroup.__doc__ or "Async context manager that runs a group of tasks (see asyncio.TaskGroup)."
    )

    def __init__(self) -> None:
        _TaskGroup.__init__(self)


# Its representation shows the module of the class. Programs and people expect asyncio's.
TaskGroup.__module__ = "asyncio.taskgroups"
