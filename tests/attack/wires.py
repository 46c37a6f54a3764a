"""What transports.py sends and knows: the bytes of each direction of a connection, and a seed's connections."""

from __future__ import annotations

import asyncio
import hashlib
import random
import socket
import time
from collections.abc import Callable
from typing import Any

import arena

# The most that one direction of a connection sends, in bytes.
SIZES = (0, 1, 1000, 30_000, 150_000, 600_000)


def is_of_closed_tls(error: BaseException) -> bool:
    """Whether it is what a TLS transport says, asyncio's too, once it was closed twice."""
    return isinstance(error, AttributeError) and "'NoneType' object has no attribute '_" in str(error)


class Wire:
    """One direction of a connection: bytes that are known at every position."""

    def __init__(self, scene: Scene, name: str) -> None:
        self.scene, self.name = scene, name
        self.data = scene.chance.randbytes(scene.chance.choice(SIZES))
        self.sent = 0
        self.received = 0
        # Whether the sender ended in order, and the receiver saw an end in order.
        self.ended = False
        self.finished = False
        # Where somebody has done what leaves nothing to be said about the whole.
        self.broken = False
        # Whether what is sent comes out of a file at this time.
        self.is_a_file = False
        self.hash = hashlib.blake2b()

    def take(self, size: int) -> bytes:
        """Return what is to be sent next, and count it as sent."""
        chunk = self.data[self.sent : self.sent + size]
        self.sent += len(chunk)
        return chunk

    def arrived(self, data: Any) -> None:
        """Look at what has arrived."""
        data = bytes(data)
        place, self.received = self.received, self.received + len(data)
        self.hash.update(data)
        self.scene.figures["bytes"] += len(data)
        if self.data[place : self.received] != data:
            self.scene.faults.add(f"{self.name}: other bytes at {place}+{len(data)} of {len(self.data)}")
        elif self.received > self.sent:
            self.scene.faults.add(f"{self.name}: {self.received} bytes arrived, {self.sent} sent")

    def is_quiet(self) -> bool:
        """Whether all that was sent has arrived."""
        return self.received == self.sent

    def check(self) -> None:
        """Look at the whole, once all is over."""
        if self.hash.digest() != hashlib.blake2b(self.data[: self.received]).digest():
            self.scene.faults.add(f"{self.name}: the hash differs")
        if self.ended and self.finished and not self.broken:
            self.scene.figures["whole"] += 1
            if self.received != self.sent:
                self.scene.faults.add(f"{self.name}: ended in order, {self.received} of {self.sent} arrived")


class Scene:
    """What belongs to one seed."""

    def __init__(self, chance: random.Random, faults: arena.Faults, figures: dict[str, int]) -> None:
        self.chance, self.faults, self.figures = chance, faults, figures
        for name in ("bytes", "operations", "connections", "whole", "datagrams"):
            figures[name] = 0
        self.loop: Any = None
        self.budget = chance.choice([20, 100, 300])
        self.settling = False
        self.ends: list[Any] = []
        self.bystanders: list[tuple[socket.socket, socket.socket]] = []
        self.tasks: set[Any] = set()
        # A probability for each operation of the rare kinds, so that most seeds have few of them.
        self.rude = chance.choice([0.0, 0.0, 0.02, 0.2])

    def task(self, coroutine: Any) -> None:
        """Start a task that is not forgotten."""
        task = self.loop.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.done)

    def done(self, task: Any) -> None:
        """Note how a task of the attack has ended."""
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.faults.exception("task", error)

    async def until(self, condition: Callable[[], bool], patience: float = arena.PATIENCE) -> bool:
        """Wait until a condition holds; False if it does not in time."""
        if self.faults.found:
            patience = 0.5
        limit = time.monotonic() + patience
        pause = 0.0
        while not condition():
            if time.monotonic() > limit:
                return False
            await asyncio.sleep(pause)
            pause = min(pause + 0.0002, 0.01)
        return True

    async def moving(self, wire: Wire, condition: Callable[[], bool]) -> bool:
        """Wait until a condition holds, for as long as bytes arrive; False if they do not."""
        before = -1
        while before < wire.received:
            before = wire.received
            if await self.until(condition, 2):
                return True
        return False
