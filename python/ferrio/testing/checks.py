"""Checks of a simulated run: eventually(), always(), and what is left at the end."""

from __future__ import annotations

import asyncio
import gc
import inspect
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from ferrio.testing import graph

__all__ = ("Always", "Unawaited", "always", "eventually", "left_over")


def _check(condition: Any) -> None:
    if not callable(condition):
        if asyncio.iscoroutine(condition):
            condition.close()
        raise TypeError(f"a function without arguments is expected, got {condition!r}")


def _name(condition: Any) -> str:
    name = getattr(condition, "__qualname__", None) or repr(condition)
    code = getattr(condition, "__code__", None)
    return f"{name} of line {code.co_firstlineno}" if code is not None else str(name)


async def eventually(condition: Callable[[], Any], *, within: float, every: float = 0.1) -> Any:
    """Wait until a condition holds, and return its value.

    condition: a function without arguments, or an async one. It is called now and then every so many seconds
    of the loop's clock. AssertionError if it does not hold within so many seconds.
    """
    _check(condition)
    if not every > 0:
        raise ValueError(f"every is a number of seconds above 0, got {every!r}")
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while True:
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        left = deadline - loop.time()
        if left <= 0:
            raise AssertionError(f"{_name(condition)} did not hold within {within} seconds: it is {value!r}")
        await asyncio.sleep(min(every, left))


class Always:
    """A condition that is asked after each step of the loop, until stop() or the end of the `with` block."""

    def __init__(self, loop: Any, condition: Callable[[], Any]) -> None:
        self._loop, self._condition = loop, condition
        self.check()
        loop.watches.append(self)
        loop._set_watch(loop.watch)

    def check(self) -> None:
        """Ask the condition. AssertionError if it does not hold."""
        value = self._condition()
        if not value:
            time = self._loop.time()
            raise AssertionError(
                f"{_name(self._condition)} does not always hold: it is {value!r} at {time:.6f}"
            )

    def stop(self) -> None:
        """Ask no more."""
        if self in self._loop.watches:
            self._loop.watches.remove(self)
        if not self._loop.watches:
            self._loop._set_watch(None)

    def __enter__(self) -> Always:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def always(condition: Callable[[], Any]) -> Always:
    """Ask a condition now and after each step of the loop. The run ends with AssertionError when it fails.

    condition: a function without arguments. It is asked until the end of the run, or of the block:
    `with always(...):`.
    RuntimeError if the running loop is not simulated.
    """
    from ferrio.testing.simulation import SimulatedLoop

    _check(condition)
    if inspect.iscoroutinefunction(condition):
        raise TypeError("always() asks between two steps, so that its condition cannot be async")
    loop = asyncio.get_running_loop()
    if not isinstance(loop, SimulatedLoop):
        raise RuntimeError("the running event loop is not simulated; use ferrio.testing.run()")
    return Always(loop, condition)


# What is left at the end

_NEVER_AWAITED = "coroutine .* was never awaited"


def left_over(loop: Any) -> str:
    """Return what the program has left on a loop at the end of its run, as text; "" if nothing."""
    texts = []
    tasks = [task for task in asyncio.all_tasks(loop) if not task.done()]
    if tasks:
        texts.append("tasks are left at the end\n" + graph.of_tasks(loop))
    transports = [transport for transport in _transports(loop) if not transport.is_closing()]
    if transports:
        texts.append("transports are open at the end\n" + _lines(transports))
    timers = [timer for timer in loop._timers() if not timer.cancelled() and not _is_own(timer)]
    if timers:
        # The sleep of a task that is left has a timer, of which nobody has to be told.
        sleeping = {id(getattr(task, "_fut_waiter", None)) for task in tasks}
        timers = [timer for timer in timers if not {id(one) for one in timer._args or ()} & sleeping]
    if timers:
        texts.append("timers are left at the end\n" + _lines(timers))
    return "\n".join(texts)


def _lines(things: list[Any]) -> str:
    return "\n".join(sorted(f"  {graph.without_addresses(repr(thing))}" for thing in things))


def _is_own(timer: Any) -> bool:
    """Return whether a timer is the network's, or of a host that has crashed."""
    from ferrio.testing.hosts import is_over

    owner = getattr(timer._callback, "__self__", None)
    return type(owner).__module__.startswith("ferrio.") or is_over(timer._context)


def _transports(loop: Any) -> Iterator[Any]:
    network = getattr(loop, "network", None)
    if network is not None:
        yield from network.open_ends()
    if loop._watches_descriptors():
        for thing in gc.get_objects():
            # Not isinstance() alone: that asks mocks and proxies.
            kind = type(thing)
            if kind.__module__ != "ferrio._core" and not issubclass(kind, asyncio.BaseTransport):
                continue
            if isinstance(thing, asyncio.BaseTransport) and getattr(thing, "_loop", None) is loop:
                yield thing


class Unawaited:
    """A block that notes coroutines which are never awaited. Other warnings are shown when it ends."""

    def __init__(self) -> None:
        self._catcher = warnings.catch_warnings(record=True)
        self._caught: list[warnings.WarningMessage] = []
        # What was asked for is somebody's else to show.
        self._reported: list[warnings.WarningMessage] = []

    def __enter__(self) -> Unawaited:
        caught = self._catcher.__enter__()
        assert caught is not None
        self._caught = caught
        warnings.filterwarnings("always", _NEVER_AWAITED, RuntimeWarning)
        return self

    def report(self) -> list[str]:
        """Return what has been noted."""
        self._reported = [one for one in self._caught if re.match(_NEVER_AWAITED, str(one.message))]
        return sorted(str(one.message).splitlines()[0] for one in self._reported)

    def __exit__(self, *error: Any) -> None:
        self._catcher.__exit__(*error)
        for one in self._caught:
            if one not in self._reported:
                warnings.showwarning(one.message, one.category, one.filename, one.lineno, one.file, one.line)
