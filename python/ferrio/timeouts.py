"""Timeout, timeout(), timeout_at().

State and the usual way are in the Rust class; what happens when a timeout expires is inherited from asyncio.
"""

from __future__ import annotations

import asyncio
import functools
from asyncio import timeouts

from ferrio import _core
from ferrio._core import timeout, timeout_at

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ("Timeout", "timeout", "timeout_at")

# `import ferrio as asyncio`: what is not here is asyncio's.
__getattr__: Callable[[str], Any] = functools.partial(getattr, asyncio.timeouts)

# asyncio's own, also once something else has been put in its place.
_Timeout: Any = timeouts.Timeout


class Timeout(_core.Timeout, _Timeout):  # type: ignore[misc]  # the base is chosen at run time
    __doc__ = _Timeout.__doc__


# Its representation shows where it comes from; programs and people expect asyncio there.
Timeout.__module__ = "asyncio.timeouts"
