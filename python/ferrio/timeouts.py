"""Timeout, timeout(), timeout_at().

State and the usual way are in the Rust class; what happens when a timeout expires is inherited from asyncio.
"""

from asyncio import events, timeouts
from typing import Any

from ferrio import _core

__all__ = ("Timeout", "timeout", "timeout_at")

# asyncio's own, also once something else has been put in its place.
_Timeout: Any = timeouts.Timeout


class Timeout(_core.Timeout, _Timeout):  # type: ignore[misc]  # the base is chosen at run time
    __doc__ = _Timeout.__doc__


# Its representation shows where it comes from; programs and people expect asyncio there.
Timeout.__module__ = "asyncio.timeouts"


def timeout(delay: float | None) -> Timeout:
    """Return an asynchronous context manager that cancels what is in it after delay seconds; None for never.

    What comes out of it then is TimeoutError. See asyncio.timeout().
    """
    loop = events.get_running_loop()
    return Timeout(loop.time() + delay if delay is not None else None)


def timeout_at(when: float | None) -> Timeout:
    """Return what timeout() does, for a deadline in seconds on the clock of loop.time()."""
    return Timeout(when)
