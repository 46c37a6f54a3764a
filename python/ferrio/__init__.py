"""Ferrio: Python's asyncio, written in Rust.

ferrio.run(main())                                       # instead of asyncio.run
asyncio.run(main(), loop_factory=ferrio.new_event_loop)  # or as a loop only
"""

from typing import Any

from ferrio import tasks as _tasks
from ferrio._core import Future, Handle, Task, TimerHandle
from ferrio.events import new_event_loop
from ferrio.runners import run
from ferrio.unix_events import Loop

__all__ = (
    "EventLoopPolicy",
    "Future",
    "Handle",
    "Loop",
    "Task",
    "TimerHandle",
    "new_event_loop",
    "run",
)

__version__ = "0.1.0"

_tasks.make_visible()


def __getattr__(name: str) -> Any:
    """Import what most programs do not need, and what newer interpreters warn about."""
    if name == "EventLoopPolicy":
        from ferrio.policy import EventLoopPolicy

        return EventLoopPolicy
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
