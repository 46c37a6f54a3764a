"""The event loop policy, for frameworks that choose their loop that way.

asyncio's policies are deprecated from 3.14 on. Importing this module warns there, as asyncio does.
"""

import asyncio

from ferrio.loop import Loop

__all__ = ("EventLoopPolicy",)


class EventLoopPolicy(asyncio.DefaultEventLoopPolicy):
    """asyncio.DefaultEventLoopPolicy with Ferrio's loops."""

    _loop_factory = Loop

    def new_event_loop(self) -> Loop:
        """Return a new event loop."""
        return Loop()
