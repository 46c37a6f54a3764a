"""Running a program."""

from __future__ import annotations

import asyncio
import functools
from asyncio import events, unix_events
from collections.abc import Callable, Coroutine

from ferrio.loop import Loop

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    _T = TypeVar("_T")

__all__ = ("Runner", "run")

# `import ferrio as asyncio`: what is not here is asyncio's.
__getattr__: Callable[[str], Any] = functools.partial(getattr, asyncio.runners)

# asyncio's own objects, which install() may replace later.
_Base = asyncio.Runner
_DefaultPolicy = unix_events._UnixDefaultEventLoopPolicy


class Runner(_Base):  # type: ignore[misc]  # final, says its documentation: not for programs to extend
    """Runs several coroutines on one loop, a Ferrio loop unless another is asked for; see asyncio.Runner.

    debug: True and False turn the loop's debug mode on and off, None leaves it to the environment.
    loop_factory: makes the loop in place of ferrio.new_event_loop.
    detect_deadlock: see run().
    """

    def __init__(
        self,
        *,
        debug: bool | None = None,
        loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
        detect_deadlock: bool | str = False,
    ) -> None:
        if detect_deadlock not in (False, True, "always"):
            raise ValueError(f"detect_deadlock is False, True or 'always', not {detect_deadlock!r}")
        super().__init__(debug=debug, loop_factory=loop_factory or _new_default_loop)
        self._is_default = loop_factory is None
        self._detects_deadlock = detect_deadlock

    def _lazy_init(self) -> None:
        super()._lazy_init()  # type: ignore[misc]  # a name that the stubs do not have
        if self._detects_deadlock:
            if not isinstance(self._loop, Loop):  # type: ignore[attr-defined]  # as above
                self._loop.close()  # type: ignore[attr-defined]  # as above
                raise TypeError("detect_deadlock needs a loop of Ferrio's")
            self._loop._detects_deadlock = self._detects_deadlock  # type: ignore[attr-defined]  # as above
        if self._is_default and not self._set_event_loop:  # type: ignore[has-type]
            # As asyncio does for a default loop.
            events.set_event_loop(self._loop)  # type: ignore[attr-defined]  # as above
            self._set_event_loop = True


def _new_default_loop() -> asyncio.AbstractEventLoop:
    """Return a Ferrio loop, or the loop of an event loop policy that the program has set."""
    policy = events._event_loop_policy  # type: ignore[attr-defined]
    if policy is None or type(policy) is _DefaultPolicy:
        return Loop()
    return events.new_event_loop()


def run(
    main: Coroutine[Any, Any, _T],
    *,
    debug: bool | None = None,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
    detect_deadlock: bool | str = False,
) -> _T:
    """Run a coroutine on a new Ferrio loop and return its result.

    The contract is that of asyncio.run(): the loop is closed at the end, asynchronous generators are
    finalised, the default executor is shut down, Ctrl-C cancels the main task.

    debug: True and False turn the loop's debug mode on and off, None leaves it to the environment.
    loop_factory: makes the loop in place of ferrio.new_event_loop.
    detect_deadlock: True raises ferrio.DeadlockError when there are tasks and nothing can wake the loop: no
    descriptor, timer, call in a thread, child process or signal handler. The error says which task waits for
    what. Other threads may call the loop. While they run, only tasks that wait for each other's locks in a
    circle count. "always" ignores these threads.

    RuntimeError if an event loop runs in this thread, ValueError for an object that is not a coroutine.
    """
    if asyncio._get_running_loop() is not None:
        raise RuntimeError("asyncio.run() cannot be called from a running event loop")
    with Runner(debug=debug, loop_factory=loop_factory, detect_deadlock=detect_deadlock) as runner:
        result: _T = runner.run(main)
        return result


# As asyncio's, which have no annotations: help() and inspect.signature() show the same.
run.__annotations__ = {}
Runner.__init__.__annotations__ = {}
