"""Tasks that wait, for tests of explanations."""

import asyncio
import contextlib

import ferrio


@contextlib.asynccontextmanager
async def waiting(**coroutines):
    """Tasks of these names that have begun to wait."""
    tasks = [ferrio.create_task(coroutine, name=name) for name, coroutine in coroutines.items()]
    for _ in range(3):
        await asyncio.sleep(0)
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
