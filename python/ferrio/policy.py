"""The event loop policy, for frameworks that choose their loop that way.

asyncio's policies are deprecated from 3.14 on: `asyncio.set_event_loop_policy()` warns about the line that
calls it. This module does not warn, because it uses asyncio's private name of the class.
"""

from asyncio import unix_events

from ferrio.loop import Loop

__all__ = ("EventLoopPolicy",)

_DefaultPolicy = unix_events._UnixDefaultEventLoopPolicy


class EventLoopPolicy(_DefaultPolicy):
    """asyncio.DefaultEventLoopPolicy with Ferrio's loops."""

    _loop_factory = Loop

    def new_event_loop(self) -> Loop:
        """Return a new event loop."""
        return Loop()
