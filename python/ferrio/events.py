"""Creating event loops."""

from __future__ import annotations

import asyncio
import functools

from ferrio.loop import Loop

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ("new_event_loop",)

# `import ferrio as asyncio`: what is not here is asyncio's.
__getattr__: Callable[[str], Any] = functools.partial(getattr, asyncio.events)


def new_event_loop() -> Loop:
    """Return a new event loop; see asyncio.new_event_loop()."""
    return Loop()


# As asyncio's, which has no annotations: help() and inspect.signature() show the same.
new_event_loop.__annotations__ = {}
