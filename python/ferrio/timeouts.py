"""Timeout, timeout(), timeout_at().

The Rust class has the state, and the code of timeouts that do not expire. The rest is inherited from
asyncio's.
"""

from __future__ import annotations

import asyncio
import functools
from asyncio import timeouts

from ferrio import _core
from ferrio._core import timeout, timeout_at
from ferrio.copying import Copyable

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ("Timeout", "timeout", "timeout_at")

# `import ferrio as asyncio`: what is not here is asyncio's.
__getattr__: Callable[[str], Any] = functools.partial(getattr, asyncio.timeouts)

# asyncio's own class, which install() may replace later. To type checkers, no class may derive from it.
if TYPE_CHECKING:

    class _Timeout: ...
else:
    _Timeout = timeouts.Timeout


class Timeout(_core.Timeout, _Timeout, Copyable):
    # Early versions of 3.11 have none.
    __doc__ = (
        _Timeout.__doc__
        or "An asynchronous context manager that cancels what takes too long (see asyncio.timeout())."
    )


# Its representation shows the module of the class. Programs and people expect asyncio's.
Timeout.__module__ = "asyncio.timeouts"
