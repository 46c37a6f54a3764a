"""Ferrio: Python's asyncio, written in Rust.

ferrio.run(main())                                       # instead of asyncio.run
asyncio.run(main(), loop_factory=ferrio.new_event_loop)  # or as a loop only
ferrio.install()                                         # asyncio's own names now give Ferrio's
import ferrio as asyncio                                 # every name that asyncio has
"""

from __future__ import annotations

import asyncio as _asyncio
import functools as _functools
import sys as _sys

# What asyncio has: its exceptions, abstract classes and constants are Ferrio's too.
from asyncio import *

from ferrio import subprocess
from ferrio import tasks as _tasks
from ferrio._core import (
    Future,
    Handle,
    Task,
    TimerHandle,
    create_task,
    gather,
    shield,
    sleep,
    to_thread,
    wait,
    wrap_future,
)
from ferrio.events import new_event_loop
from ferrio.install import install, installed, uninstall
from ferrio.locks import Barrier, BoundedSemaphore, Condition, Event, Lock, Semaphore
from ferrio.queues import LifoQueue, PriorityQueue, Queue
from ferrio.runners import Runner, run
from ferrio.streams import (
    StreamReader,
    StreamReaderProtocol,
    StreamWriter,
    open_connection,
    open_unix_connection,
    start_server,
    start_unix_server,
)
from ferrio.taskgroups import TaskGroup
from ferrio.timeouts import Timeout, timeout, timeout_at
from ferrio.unix_events import Loop
from ferrio.unix_events import Loop as SelectorEventLoop

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any as _Any

# Earlier interpreters' are of another kind, and stay.
if _sys.version_info >= (3, 12):
    from ferrio._core import wait_for
if _sys.version_info >= (3, 13):
    from ferrio._core import as_completed
if hasattr(_asyncio, "eager_task_factory"):
    from ferrio.tasks import eager_task_factory
if hasattr(_asyncio, "EventLoop"):
    EventLoop = SelectorEventLoop

__all__ = ("EventLoopPolicy", "Loop", "TaskGroup", "install", "installed", "uninstall")
__all__ += _asyncio.__all__

__version__ = "0.1.0"

_tasks.make_visible()

# `import ferrio as asyncio` and then asyncio.tasks.all_tasks: what a module here has not, asyncio's has.
for _name, _module in list(_sys.modules.items()):
    if _name.startswith("ferrio.") and (_theirs := _sys.modules.get(_name.replace("ferrio", "asyncio"))):
        _module.__dict__["__getattr__"] = _functools.partial(getattr, _theirs)


def __getattr__(name: str) -> _Any:
    """Import what most programs do not need, and what newer interpreters warn about."""
    if name == "EventLoopPolicy":
        from ferrio import policy

        return policy.EventLoopPolicy
    if name == "DefaultEventLoopPolicy":
        return _asyncio.DefaultEventLoopPolicy
    # asyncio's modules, and what it gives with a warning.
    if not name.startswith("__"):
        try:
            return getattr(_asyncio, name)
        except AttributeError:
            pass
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
