"""Exceptions from signal handlers at random points of a mixed load: python tests/attack/signals.py SEED.

A timer of the system sends SIGALRM again and again; the handler raises, now and then, wherever the main thread is.
The loop may end by that exception, any number of times. Afterwards it has to be usable, and to close in order; the
bytes that a stream has delivered are a prefix of those that were sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import linecache
import logging
import os
import random
import signal
import socket
import sys
import time
import types
import warnings

import ferrio
import guard

# Seconds of load for a seed, and how long each attempt to end in order may take.
LOAD = 0.4
ENDING = 10.0


class Struck(Exception):
    """Raised by the handler; tasks may catch it."""


class StruckHard(BaseException):
    """Raised by the handler; nothing but the outermost frame catches it."""


def is_ending(frame: types.FrameType | None) -> bool:
    """Whether the main thread is in Python code that begins or ends a run of the loop.

    An exception there leaves asyncio's own loops half begun or half ended as well, and so does it where an executor's
    thread is made. In the run itself, from the call of `_run()` on, nothing may be left so.
    """
    while frame is not None:
        name, code = frame.f_code.co_name, frame.f_code
        file = os.path.basename(code.co_filename)
        if name == "run_forever" and file == "running.py":
            return "_run()" not in linecache.getline(code.co_filename, frame.f_lineno)
        if (name, file) in BEGINNINGS or file in ("threading.py", "executor.py"):
            return True
        # A second signal may come while the handler runs for the first: what counts is what the first one struck.
        is_handler = name in ("__call__", "is_ending")
        if code.co_filename == __file__ and name != "run" and not is_handler:
            return False  # a callback, or a task of the load
        frame = frame.f_back
    return True


# Functions that an exception must not cut in two.
BEGINNINGS = {
    ("run_forever", "__init__.py"), ("_interruptible", "running.py"), ("_set_running_loop", "running.py"),
    ("__enter__", "contextlib.py"), ("__exit__", "contextlib.py"), ("_after_fork", "__init__.py"),
}  # fmt: skip


class Handler:
    """The handler of a signal: raises at random, as long as it is armed."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.kinds: list[type[BaseException]] = chance.choice(
            [
                [KeyboardInterrupt],
                [Struck],
                [StruckHard],
                [asyncio.CancelledError],
                [KeyboardInterrupt, Struck, StruckHard],
            ]
        )
        self.share = chance.choice([1.0, 0.5, 0.2])
        self.armed = False
        # A signal may come while the handler runs for the one before.
        self.deciding = False
        self.calls = 0
        self.raised = 0

    def __call__(self, _: int, frame: types.FrameType | None) -> None:
        self.calls += 1
        if not self.armed or self.deciding:
            return
        self.deciding = True
        strikes = not is_ending(frame) and self.chance.random() < self.share
        kind = self.chance.choice(self.kinds)
        self.deciding = False
        if strikes:
            self.raised += 1
            raise kind("a signal")


class Load:
    """A mixed load on one loop."""

    def __init__(self, loop: ferrio.Loop, chance: random.Random) -> None:
        self.loop = loop
        self.chance = chance
        self.figures = {"rounds": 0, "bytes": 0}
        self.goes_on = True
        self.received = bytearray()
        self.sent = random.Random(7).randbytes(1 << 16)
        self.sockets: list[socket.socket] = []

    async def timers(self) -> None:
        while True:
            await asyncio.sleep(self.chance.choice([0, 0, 0.0003, 0.001]))
            self.figures["rounds"] += 1

    async def queues(self) -> None:
        queue: asyncio.Queue[int] = ferrio.Queue(2)

        async def fill() -> None:
            for number in range(1000):
                await queue.put(number)

        while True:
            async with ferrio.TaskGroup() as group:
                filling = group.create_task(fill())
                for expected in range(1000):
                    assert await queue.get() == expected
                await filling
            self.figures["rounds"] += 1

    async def locks(self) -> None:
        lock, event = ferrio.Lock(), ferrio.Event()

        async def hold() -> None:
            async with lock:
                await asyncio.sleep(0)

        while True:
            event.set()
            await ferrio.gather(hold(), hold(), event.wait())
            with contextlib.suppress(TimeoutError):
                async with ferrio.timeout(self.chance.choice([0, 0.0005])):
                    await ferrio.shield(asyncio.sleep(0.001))
            self.figures["rounds"] += 1

    async def threads(self) -> None:
        while True:
            await self.loop.run_in_executor(None, time.sleep, 0.0005)
            await ferrio.to_thread(os.getpid)
            self.figures["rounds"] += 1

    async def streams(self) -> None:
        one, other = socket.socketpair()
        self.sockets += [one, other]
        reader, own = await ferrio.open_connection(sock=one)
        _, writer = await ferrio.open_connection(sock=other)

        async def send() -> None:
            while True:
                writer.write(self.sent)
                await writer.drain()

        sending = self.loop.create_task(send())
        try:
            place = 0
            while True:
                data = await reader.read(self.chance.choice([1, 1000, 1 << 16]))
                if not data:
                    break
                for start in range(0, len(data), len(self.sent)):
                    piece = data[start : start + len(self.sent)]
                    double = self.sent + self.sent
                    if double[place : place + len(piece)] != piece:
                        os.write(2, b"AssertionError: bytes differ\n")
                        os._exit(3)
                    place = (place + len(piece)) % len(self.sent)
                self.figures["bytes"] += len(data)
        finally:
            sending.cancel()
            own.close()
            writer.close()

    async def children(self) -> None:
        while True:
            child = await asyncio.create_subprocess_exec("true")
            await child.wait()
            await asyncio.sleep(0.01)
            self.figures["rounds"] += 1

    def callbacks(self) -> None:
        if self.goes_on:
            self.loop.call_soon(self.callbacks)
        self.loop.call_later(0.001, gc.collect, 0).cancel()
        self.loop.call_soon_threadsafe(len, ())

    def start(self) -> list[asyncio.Task[None]]:
        """Start some of it."""
        loads = [self.timers, self.queues, self.locks, self.threads, self.streams, self.streams]
        if self.chance.random() < 0.2:
            loads.append(self.children)
        if self.chance.random() < 0.5:
            self.callbacks()
        return [
            self.loop.create_task(load())
            for load in self.chance.sample(loads, self.chance.randint(1, len(loads)))
        ]


async def usable() -> bool:
    """Use a loop a little: a timer, a thread, a connection."""
    await asyncio.sleep(0.001)
    await ferrio.to_thread(int)
    one, other = socket.socketpair()
    _, writer = await ferrio.open_connection(sock=one)
    peer, back = await ferrio.open_connection(sock=other)
    writer.write(b"are you there?\n")
    answer = await peer.readline()
    writer.close()
    back.close()
    await writer.wait_closed()
    return answer == b"are you there?\n"


class Gone(BaseException):
    """The ending has taken too long."""


def end(loop: ferrio.Loop, tasks: list[asyncio.Task[None]]) -> None:
    """Use the loop once more, cancel what is left, close it."""
    assert loop.run_until_complete(usable()), "the loop has lost bytes"
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left, timeout=ENDING / 2))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def run(seed: int) -> dict[str, int]:
    """Run the load of a seed; return figures."""
    warnings.simplefilter("ignore")
    logging.getLogger("asyncio").setLevel(logging.CRITICAL + 1)
    sys.unraisablehook = lambda hook: (
        os.write(2, b"SystemError\n") if isinstance(hook.exc_value, SystemError) else None  # type: ignore[assignment]
    )
    chance = random.Random(seed)
    handler = Handler(chance)
    signal.signal(signal.SIGALRM, handler)
    loop = ferrio.new_event_loop()
    if chance.random() < 0.2:
        loop.set_debug(True)
    if chance.random() < 0.2:
        # Signals wake the loop up by its own descriptor then.
        loop.add_signal_handler(signal.SIGUSR1, int)
    load = Load(loop, chance)
    tasks = load.start()
    every = chance.choice([0.0001, 0.0003, 0.001, 0.005])
    until = time.monotonic() + LOAD
    signal.setitimer(signal.ITIMER_REAL, every, every)
    runs = 0
    stops: list[asyncio.TimerHandle] = []
    while True:
        try:
            handler.armed = True
            runs += 1
            if time.monotonic() > until:
                break
            stops.append(loop.call_later(0.05, loop.stop))
            loop.run_forever()
        except BaseException as error:
            handler.armed = False
            if asyncio._get_running_loop() is not None:
                signal.setitimer(signal.ITIMER_REAL, 0)
            if isinstance(error, (SystemError, AssertionError)) or "panicked" in str(error):
                raise
            if loop.is_running() or asyncio._get_running_loop() is not None:
                raise AssertionError("a loop that was left still passes for the running one") from error
    handler.armed = False
    signal.setitimer(signal.ITIMER_REAL, 0)
    for stopping in stops:
        stopping.cancel()
    load.goes_on = False
    for task in tasks:
        if (
            task.done()
            and not task.cancelled()
            and isinstance(task.exception(), (SystemError, AssertionError))
        ):
            # An assertion of the load's own says that something was lost, unless a signal has hit the one that it awaits.
            print(repr(task.exception()), file=sys.stderr)
            if isinstance(task.exception(), SystemError):
                raise AssertionError("a task got a SystemError")
    end(loop, tasks)
    del tasks, load.loop
    for one in load.sockets:
        one.close()
    gc.collect()
    return {"strikes": handler.raised, "runs": runs, **load.figures}


if __name__ == "__main__":
    guard.main(run)
