"""MemoryError at random points: python tests/attack/memory.py SEED.

`_testcapi.set_nomemory()` makes the interpreter's allocations fail, from one to another of them. It is set before an
operation on tasks, futures, queues, streams, transports or threads, or in the midst of it. MemoryError may come out
of everything, and an operation may stay undone; nothing may crash, and the loop has to be usable afterwards.

The interpreter has faults of its own there. A crash whose stack has no frame of Ferrio's is the interpreter's:
`backtrace.py` writes the C stack, where the machine has a compiler, and `server.py` counts such crashes apart.
"""

from __future__ import annotations

import asyncio
import concurrent.futures.thread
import contextlib
import gc
import io
import logging
import random
import socket
import sys
import threading
import traceback
import types
import warnings
from collections.abc import Awaitable, Callable

import ferrio
import guard
from backtrace import backtrace_library

try:
    import _testcapi  # type: ignore[import-not-found]
except ImportError:
    _testcapi = None

# Operations of a seed.
ROUNDS = 40

# Allocations after which they fail, at most.
FARTHEST = 400

# Made when this module is imported, so that the server of the seeds makes it once.
LIBRARY = backtrace_library() if _testcapi else None


# References to code, so that what CPython gives back twice stays: see keep_code().
KEPT: list[types.CodeType] = []


def keep_code() -> None:
    """Keep the code of every function that can be made, on an interpreter that would free it.

    MAKE_FUNCTION of CPython 3.12 and 3.13 gives the code back twice when there is no memory for the function. Code that
    is freed while functions are still made of it corrupts the heap, and a crash may come anywhere, in Ferrio too. This,
    without Ferrio, crashes with CPython 3.12.1 and 3.13.0 under PYTHONMALLOC=debug; `sys.getrefcount` of the lambda's
    code falls by one at each failure, which it does not with 3.11.7 and 3.14.10:

        import _testcapi
        def make(): return lambda: None
        for _ in range(10):
            try: _testcapi.set_nomemory(0, 1); make()
            except MemoryError: pass
            finally: _testcapi.remove_mem_hooks()
        make()
    """
    if sys.version_info[:2] not in ((3, 12), (3, 13)):
        return
    codes = [found.__code__ for found in gc.get_objects() if isinstance(found, types.FunctionType)]
    for code in codes:
        inner = [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
        codes += inner  # which the loop comes to as well
        # More often than allocations fail in a seed.
        for one in inner:
            KEPT.extend([one] * ROUNDS * 30)


def start_threads_with_memory() -> None:
    """Give `Thread.start()` its memory back: a thread that fails before it says that it runs is waited for for ever."""
    start = threading.Thread.start

    def start_with_memory(thread: threading.Thread) -> None:
        _testcapi.remove_mem_hooks()
        start(thread)

    threading.Thread.start = start_with_memory  # type: ignore[method-assign]


def free_locks(loop: asyncio.AbstractEventLoop) -> None:
    """Free the locks of the executor, whose `with` may take a lock and then fail: the interpreter's `with` has no
    memory for leaving it. ThreadPoolExecutor.submit() has the same `with`."""
    for lock in (loop._default_executor._shutdown_lock, concurrent.futures.thread._global_shutdown_lock):
        if lock.locked():
            lock.release()


class Attack:
    """Operations on a loop whose allocations fail."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.loop = ferrio.new_event_loop()
        self.failures = 0
        self.kept: list[socket.socket] = []

    def fail(self) -> None:
        """Make allocations fail from a random one on; a few, or all."""
        start = self.chance.choice(
            [self.chance.randrange(10), self.chance.randrange(60), self.chance.randrange(FARTHEST)]
        )
        # More than a few at once: the interpreter's own ways of reporting need some.
        stop = start + self.chance.choice([1, 1, 1, 2, 5, 30])
        _testcapi.set_nomemory(start, stop)

    async def nothing(self) -> None:
        await asyncio.sleep(0)

    async def tasks(self) -> None:
        for _ in range(5):
            self.loop.create_task(self.nothing())
        await ferrio.create_task(self.nothing())
        await ferrio.gather(self.nothing(), self.nothing(), return_exceptions=True)
        await ferrio.wait([self.loop.create_task(self.nothing())], timeout=0.01)

    async def waits(self) -> None:
        await asyncio.wait_for(self.nothing(), 0.01)
        await ferrio.shield(self.nothing())
        with contextlib.suppress(TimeoutError):
            async with ferrio.timeout(0):
                await asyncio.sleep(1)
        for one in ferrio.as_completed([self.nothing(), self.nothing()]):
            await one

    async def group(self) -> None:
        async with ferrio.TaskGroup() as group:
            group.create_task(self.nothing())
            group.create_task(self.nothing())

    async def futures(self) -> None:
        future = self.loop.create_future()
        for _ in range(3):
            future.add_done_callback(lambda _: None)
        self.loop.call_soon(future.set_result, 1)
        await future
        repr(future)
        other = self.loop.create_future()
        other.set_exception(ValueError("x"))
        other.add_done_callback(lambda future: future.exception())
        with contextlib.suppress(ValueError):
            await other

    async def queues(self) -> None:
        for kind in (ferrio.Queue, ferrio.PriorityQueue, ferrio.LifoQueue):
            queue = kind(1)
            putting = self.loop.create_task(queue.put(1))
            await queue.get()
            await putting
            getting = self.loop.create_task(queue.get())
            await asyncio.sleep(0)
            await queue.put(2)
            await getting

    async def locks(self) -> None:
        condition, event = ferrio.Condition(), ferrio.Event()
        waiting = self.loop.create_task(event.wait())
        async with condition:
            event.set()
            condition.notify_all()
        await waiting
        async with ferrio.Semaphore(1):
            pass
        await ferrio.gather(*(barrier_wait(ferrio.Barrier(1)) for _ in range(2)))

    async def handles(self) -> None:
        for number in range(5):
            self.loop.call_soon(int, number)
            self.loop.call_later(0, int, number)
            self.loop.call_later(1, int, number).cancel()
            self.loop.call_soon_threadsafe(int, number)
            self.loop.call_soon(int, "not a number")
        await asyncio.sleep(0.001)

    async def streams(self) -> None:
        one, other = socket.socketpair()
        self.kept += [one, other]
        reader, own = await ferrio.open_connection(sock=one)
        peer, writer = await ferrio.open_connection(sock=other)
        try:
            writer.write(b"line\n" * 1000)
            writer.writelines([b"x" * 100_000, b"\n"])
            await asyncio.wait_for(reader.readline(), 0.05)
            await asyncio.wait_for(reader.readexactly(4000), 0.05)
            await asyncio.wait_for(reader.readuntil(b"\n"), 0.05)
            await asyncio.wait_for(writer.drain(), 0.05)
        finally:
            own.close()
            writer.close()

    async def datagrams(self) -> None:
        transport, _ = await self.loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
        )
        try:
            for _ in range(3):
                transport.sendto(b"x", transport.get_extra_info("sockname"))
            await asyncio.sleep(0.001)
        finally:
            transport.close()

    async def sockets_by_hand(self) -> None:
        one, other = socket.socketpair()
        self.kept += [one, other]
        one.setblocking(False)
        other.setblocking(False)
        getting = self.loop.create_task(self.loop.sock_recv(one, 100))
        await self.loop.sock_sendall(other, b"x" * 10)
        await asyncio.wait_for(getting, 0.05)
        self.loop.add_reader(one.fileno(), int)
        self.loop.remove_reader(one.fileno())

    async def threads(self) -> None:
        await self.loop.run_in_executor(None, int)
        await ferrio.to_thread(int)

    async def by_hand(self) -> None:
        for coroutine in (
            ferrio.sleep(1),
            ferrio.Queue().get(),
            ferrio.Event().wait(),
            ferrio.wait([self.loop.create_future()]),
        ):
            coroutine.send(None)
            with contextlib.suppress(ValueError):
                coroutine.throw(ValueError("x"))
            coroutine.close()

    async def texts(self) -> None:
        task = self.loop.create_task(self.nothing())
        repr(task)
        task.print_stack(file=io.StringIO())
        repr(self.loop.call_soon(int))
        repr(self.loop)
        await task

    def operation(self) -> Callable[[], Awaitable[None]]:
        """Return an operation."""
        return self.chance.choice(
            [
                self.tasks, self.waits, self.group, self.futures, self.queues, self.locks, self.handles, self.streams,
                self.datagrams, self.sockets_by_hand, self.threads, self.by_hand, self.texts,
            ]
        )  # fmt: skip

    async def from_within(self, operation: Callable[[], Awaitable[None]]) -> None:
        """Let allocations fail once the operation's task runs."""
        self.fail()
        await operation()

    def round(self) -> None:
        """Run one operation."""
        operation = self.operation()
        stopping = self.loop.call_later(0.3, self.loop.stop)
        coroutine = self.from_within(operation) if self.chance.random() < 0.5 else None
        try:
            if coroutine is None:
                coroutine = operation()
                self.fail()
            self.loop.run_until_complete(coroutine)
        except BaseException as error:
            _testcapi.remove_mem_hooks()
            self.failures += 1
            look_at(error)
        finally:
            _testcapi.remove_mem_hooks()
            stopping.cancel()
            free_locks(self.loop)
            # The interpreter's own setter needs memory, and forgets what it was told without.
            asyncio._set_running_loop(None)


def is_interpreters(error: BaseException | None) -> bool:
    """Whether it is what CPython makes of a lack of memory for a frame: on asyncio's loop too.

    `take_ownership()` in Python/frame.c clears the exception that is on its way when it can't make the frame object of
    the caller. Up to 3.11 a call of a Python function may end without an exception as well.
    """
    if str(error).startswith("error return without exception set"):
        return sys.version_info < (3, 14)
    return sys.version_info < (3, 12) and str(error).startswith("<function ")


def look_at(error: BaseException | None) -> None:
    """Pass on what no MemoryError may turn into."""
    if is_interpreters(error):
        return
    if isinstance(error, (SystemError, AssertionError)) or "panicked" in str(error):
        raise AssertionError("a fault at the lack of memory") from error


async def barrier_wait(barrier: asyncio.Barrier) -> int:
    """Wait at a barrier."""
    return await barrier.wait()


async def usable() -> bool:
    """Use the loop a little."""
    await asyncio.sleep(0.001)
    one, other = socket.socketpair()
    reader, writer = await ferrio.open_connection(sock=one)
    _, back = await ferrio.open_connection(sock=other)
    back.write(b"are you there?\n")
    answer = await asyncio.wait_for(reader.readline(), 10)
    for stream in (writer, back):
        stream.close()
        await stream.wait_closed()
    return answer == b"are you there?\n"


def run(seed: int) -> dict[str, int]:
    """Run the operations of a seed; return figures."""
    if _testcapi is None:
        return {"skipped": 1}
    if LIBRARY is not None:
        LIBRARY.install()
    warnings.simplefilter("ignore")
    logging.getLogger("asyncio").setLevel(logging.CRITICAL + 1)
    sys.unraisablehook = lambda hook: look_at_ignored(hook.exc_value)  # type: ignore[assignment]
    attack = Attack(random.Random(seed))
    # What is imported when it is first asked for is there.
    for operation in (
        attack.streams,
        attack.queues,
        attack.locks,
        attack.group,
        attack.waits,
        attack.texts,
        attack.datagrams,
    ):
        attack.loop.run_until_complete(operation())
    attack.loop.run_until_complete(attack.threads())
    keep_code()
    start_threads_with_memory()
    for _ in range(ROUNDS):
        attack.round()
    attack.loop.call_exception_handler({"message": "still there"})
    # Runs that have ended by a MemoryError have left futures that stop the loop when they are done.
    for _ in range(ROUNDS):
        attack.loop.call_soon(attack.loop.stop)
        attack.loop.run_forever()
    assert attack.loop.run_until_complete(usable()), "the loop has lost bytes"
    for task in asyncio.all_tasks(attack.loop):
        task.cancel()
    attack.loop.run_until_complete(asyncio.sleep(0))
    attack.loop.run_until_complete(attack.loop.shutdown_default_executor())
    attack.loop.close()
    for one in attack.kept:
        one.close()
    figures = {"rounds": ROUNDS, "failed rounds": attack.failures}
    del attack
    gc.collect()
    return figures


def look_at_ignored(error: BaseException | None) -> None:
    """Say so if an exception that nobody can take is a fault."""
    if isinstance(error, SystemError) and not is_interpreters(error):
        print("an ignored SystemError:", file=sys.stderr)
        traceback.print_exception(error, file=sys.stderr)


def main() -> None:
    """Run the seed that the command line names."""
    guard.main(run)


if __name__ == "__main__":
    main()
