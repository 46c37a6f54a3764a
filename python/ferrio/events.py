"""Creating event loops."""

import asyncio
import functools

from ferrio.loop import Loop

__all__ = ("new_event_loop",)

# `import ferrio as asyncio`: what is not here is asyncio's.
__getattr__ = functools.partial(getattr, asyncio.events)


def new_event_loop() -> Loop:
    """Return a new event loop; see asyncio.new_event_loop()."""
    return Loop()
