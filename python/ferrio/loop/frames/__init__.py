"""A package for ferrio.loop.frames.asyncio, whose name would hide asyncio in the modules beside it."""
