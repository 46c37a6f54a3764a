"""Running a program."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from ferrio.events import new_event_loop

__all__ = ("run",)

_T = TypeVar("_T")


def run(
    main: Coroutine[Any, Any, _T],
    *,
    debug: bool | None = None,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> _T:
    """Run a coroutine on a new Ferrio loop and return its result.

    The contract is that of asyncio.run(): the loop is closed at the end, asynchronous generators are
    finalised, the default executor is shut down, Ctrl-C cancels the main task.

    debug: True and False turn the loop's debug mode on and off, None leaves it to the environment.
    loop_factory: makes the loop in place of ferrio.new_event_loop.

    RuntimeError when an event loop runs in this thread, ValueError for what is not a coroutine.
    """
    if asyncio._get_running_loop() is not None:
        raise RuntimeError("asyncio.run() cannot be called from a running event loop")
    with asyncio.Runner(debug=debug, loop_factory=loop_factory or new_event_loop) as runner:
        return runner.run(main)
