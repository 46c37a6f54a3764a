"""Making event loops."""

from ferrio.unix_events import Loop

__all__ = ("new_event_loop",)


def new_event_loop() -> Loop:
    """Return a new event loop; it has the contract of asyncio.new_event_loop()."""
    return Loop()
