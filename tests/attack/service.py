"""What the scenes of the hostile attacks share: a server that counts, and a look at whether it still serves."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable
from typing import Any

import arena

TLS_LIMITS: dict[str, Any] = {"ssl_handshake_timeout": 4, "ssl_shutdown_timeout": 2}

# A scene: the loop, its chances, where faults go, its figures.
Scene = Callable[[Any, random.Random, arena.Faults, "dict[str, int]"], None]


class Echo(asyncio.Protocol):
    """Sends back what comes, and counts its ends."""

    made = lost = 0

    def connection_made(self, transport: Any) -> None:
        type(self).made += 1
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        type(self).lost += 1


def counting_echo() -> Any:
    """Return a class of its own for each scene."""
    return type("Echo", (Echo,), {"made": 0, "lost": 0})


async def until(condition: Callable[[], bool], patience: float = arena.PATIENCE) -> bool:
    """Wait until a condition holds; False if it does not in time."""
    limit = time.monotonic() + patience
    while not condition():
        if time.monotonic() > limit:
            return False
        await asyncio.sleep(0.002)
    return True


async def check_service(address: Any, context: Any, faults: arena.Faults, what: str) -> None:
    """Whatever has happened, others are served."""
    try:
        async with asyncio.timeout(arena.PATIENCE):
            reader, writer = await arena.library().open_connection(
                *address[:2], ssl=context, server_hostname="localhost" if context else None
            )
            message = os.urandom(20_000)
            writer.write(message)
            if await reader.readexactly(len(message)) != message:
                faults.add(f"{what}: other bytes afterwards")
            writer.close()
            await writer.wait_closed()
    except (OSError, EOFError) as error:
        faults.add(f"{what}: nobody is served afterwards: {error!r}")


def play(main: Any, loop: Any, faults: arena.Faults) -> None:
    """Run a coroutine on the loop, whose reports are faults if nobody provoked them."""
    loop.set_exception_handler(faults.handler)
    loop.run_until_complete(asyncio.wait_for(main, 20))


def list_of_transports() -> list[Any]:
    """Return the transports of this process that the collector knows."""
    import gc

    return [one for one in gc.get_objects() if isinstance(one, asyncio.Transport)]


async def answer() -> int:
    """A coroutine that waits once."""
    await asyncio.sleep(0.001)
    return 42
