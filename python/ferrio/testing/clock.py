"""Clock: the virtual clock of a simulated loop, for the test."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Iterator
from typing import Any

__all__ = ("Clock", "clock")


class Clock:
    """The clock of one simulated loop. It moves by itself when nothing can run; a test may move it too."""

    def __init__(self, loop: Any) -> None:
        self._loop = loop

    def __repr__(self) -> str:
        return f"<{type(self).__name__} time={self.time()!r}>"

    def time(self) -> float:
        """Return the time, in seconds, as loop.time() does."""
        return float(self._loop.time())

    def advance(self, seconds: float) -> None:
        """Move the clock on by this many seconds, at once.

        What becomes due runs in the next iteration, in the order of its times. All of it sees the new time.
        To let time pass step by step, await asyncio.sleep().

        TypeError for what is not a number, ValueError for what is negative or not finite, RuntimeError if
        the loop's clock is the real one.
        """
        if isinstance(seconds, str | bytes):
            raise TypeError(f"a number of seconds is expected, got {seconds!r}")
        seconds = float(seconds)
        if not math.isfinite(seconds) or seconds < 0:
            raise ValueError(f"time can be advanced by a finite number of seconds, got {seconds!r}")
        self._loop._advance(seconds)

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Have the clock stand still when nothing can run: something outside of the loop is under way.

        The loop does this by itself for calls in executors, name lookups and child processes.
        """
        release = self._loop.begin_hold()
        try:
            yield
        finally:
            release()


def clock() -> Clock:
    """Return the clock of the running loop. RuntimeError if none runs, or if it is not simulated."""
    from ferrio.testing.simulation import SimulatedLoop

    loop = asyncio.get_running_loop()
    if not isinstance(loop, SimulatedLoop):
        raise RuntimeError("the running event loop is not simulated; use ferrio.testing.run()")
    return Clock(loop)
