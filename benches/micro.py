"""Scheduling and primitives: how long one operation takes, in one process.

    python benches/micro.py LOOP ROW

runs one row on one loop, and prints nanoseconds for one operation: CPU time of the process, all its threads
together; for rows that wait for other threads, elapsed time.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import loops

Operation = Callable[[int], Awaitable[Any]]


class Row(NamedTuple):
    """A measurement: operation(count) does it count times."""

    group: str
    operation: Operation
    count: int
    elapsed: bool


ROWS: dict[str, Row] = {}


def row(name: str, group: str, count: int, elapsed: bool = False) -> Callable[[Operation], Operation]:
    """Add a row."""

    def add(operation: Operation) -> Operation:
        ROWS[name] = Row(group, operation, count, elapsed)
        return operation

    return add


async def nothing() -> None:
    """A coroutine that ends at once."""


def chain(count: int, *arguments: Any) -> asyncio.Future[None]:
    """Schedule a callback that schedules the next, count times."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    left = count

    def callback(*arguments: Any) -> None:
        nonlocal left
        left -= 1
        if left:
            loop.call_soon(callback, *arguments)
        else:
            done.set_result(None)

    loop.call_soon(callback, *arguments)
    return done


@row("call_soon, chained", "scheduling", 200_000)
async def call_soon_chained(count: int) -> None:
    await chain(count)


@row("call_soon with 3 arguments, chained", "scheduling", 200_000)
async def call_soon_with_arguments(count: int) -> None:
    await chain(count, 1, "two", None)


def do_nothing(*arguments: Any) -> None:
    """A callback."""


@row("call_soon, 1000 at once", "scheduling", 200_000)
async def call_soon_batch(count: int) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(count // 1000):
        for _ in range(1000):
            loop.call_soon(do_nothing)
        await asyncio.sleep(0)


@row("call_soon with 3 arguments, 1000 at once", "scheduling", 200_000)
async def call_soon_batch_with_arguments(count: int) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(count // 1000):
        for _ in range(1000):
            loop.call_soon(do_nothing, 1, "two", None)
        await asyncio.sleep(0)


async def set_and_cancel(count: int) -> None:
    """Set timers that are cancelled at once."""
    loop = asyncio.get_running_loop()
    for number in range(count):
        loop.call_later(1000, do_nothing).cancel()
        if number % 1000 == 0:
            await asyncio.sleep(0)


@row("call_later, cancelled", "scheduling", 100_000)
async def call_later_cancelled(count: int) -> None:
    await set_and_cancel(count)


@row("call_later, fired", "scheduling", 100_000)
async def call_later_fired(count: int) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(count // 1000):
        done = loop.create_future()
        for _ in range(999):
            loop.call_later(0.000_01, do_nothing)
        loop.call_later(0.000_02, done.set_result, None)
        await done


pending: list[Any] = []


@row("call_later, cancelled, a million pending", "scheduling", 100_000)
async def call_later_with_a_million(count: int) -> None:
    loop = asyncio.get_running_loop()
    while len(pending) < 1_000_000:
        pending.append(loop.call_later(1000 + len(pending) % 1009, do_nothing))
    await set_and_cancel(count)


@row("call_soon_threadsafe, from its own thread", "scheduling", 100_000)
async def call_soon_threadsafe(count: int) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(count // 100):
        for _ in range(100):
            loop.call_soon_threadsafe(do_nothing)
        await asyncio.sleep(0)


@row("sleep(0)", "scheduling", 200_000)
async def sleep_zero(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def many_sleep_zero(count: int, tasks: int) -> None:
    """Have tasks give way in turn."""

    async def one() -> None:
        for _ in range(count // tasks):
            await asyncio.sleep(0)

    await asyncio.gather(*[one() for _ in range(tasks)])


@row("sleep(0) in 100 tasks", "scheduling", 200_000)
async def sleep_zero_100(count: int) -> None:
    await many_sleep_zero(count, 100)


@row("create_task and await", "scheduling", 100_000)
async def create_task_and_await(count: int) -> None:
    for _ in range(count):
        await asyncio.create_task(nothing())


@row("gather of 100, each", "scheduling", 100_000)
async def gather_of_100(count: int) -> None:
    for _ in range(count // 100):
        await asyncio.gather(*[nothing() for _ in range(100)])


@row("TaskGroup of 100, each", "scheduling", 100_000)
async def task_group_of_100(count: int) -> None:
    for _ in range(count // 100):
        async with asyncio.TaskGroup() as group:
            for _ in range(100):
                group.create_task(nothing())


@row("a future's wake-up", "scheduling", 100_000)
async def future_wakeup(count: int) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(count):
        future = loop.create_future()
        loop.call_soon(future.set_result, None)
        await future


@row("wait for 10, each", "scheduling", 50_000)
async def wait_for_ten(count: int) -> None:
    for _ in range(count // 10):
        await asyncio.wait([asyncio.create_task(nothing()) for _ in range(10)])


@row("wait_for", "scheduling", 50_000)
async def wait_for(count: int) -> None:
    for _ in range(count):
        await asyncio.wait_for(nothing(), 10)


@row("timeout", "scheduling", 50_000)
async def timeout(count: int) -> None:
    for _ in range(count):
        async with asyncio.timeout(10):
            pass


@row("shield", "scheduling", 50_000)
async def shield(count: int) -> None:
    for _ in range(count):
        await asyncio.shield(nothing())


@row("as_completed of 10, each", "scheduling", 50_000)
async def as_completed(count: int) -> None:
    for _ in range(count // 10):
        for future in asyncio.as_completed([nothing() for _ in range(10)]):
            await future


@row("queue, ping-pong", "primitives", 30_000)
async def queue_ping_pong(count: int) -> None:
    there: asyncio.Queue[int] = asyncio.Queue()
    back: asyncio.Queue[int] = asyncio.Queue()

    async def answer() -> None:
        for _ in range(count):
            back.put_nowait(await there.get())

    task = asyncio.create_task(answer())
    for number in range(count):
        there.put_nowait(number)
        await back.get()
    await task


@row("queue, buffered", "primitives", 100_000)
async def queue_buffered(count: int) -> None:
    queue: asyncio.Queue[int] = asyncio.Queue(maxsize=100)

    async def produce() -> None:
        for number in range(count):
            await queue.put(number)

    task = asyncio.create_task(produce())
    for _ in range(count):
        await queue.get()
    await task


async def contend(count: int, enter: Callable[[], Any]) -> None:
    """Have ten tasks enter something in turn, and give way while they are in."""

    async def one() -> None:
        for _ in range(count // 10):
            async with enter():
                await asyncio.sleep(0)

    await asyncio.gather(*[one() for _ in range(10)])


async def enter_free(count: int, entered: Any) -> None:
    """Enter what nobody else wants."""
    for _ in range(count):
        async with entered:
            pass


@row("lock, free", "primitives", 100_000)
async def lock_free(count: int) -> None:
    await enter_free(count, asyncio.Lock())


@row("lock, contended", "primitives", 50_000)
async def lock_contended(count: int) -> None:
    lock = asyncio.Lock()
    await contend(count, lambda: lock)


@row("semaphore, free", "primitives", 100_000)
async def semaphore_free(count: int) -> None:
    await enter_free(count, asyncio.Semaphore(5))


@row("semaphore, contended", "primitives", 50_000)
async def semaphore_contended(count: int) -> None:
    semaphore = asyncio.Semaphore(3)
    await contend(count, lambda: semaphore)


@row("event, set", "primitives", 100_000)
async def event_set(count: int) -> None:
    event = asyncio.Event()
    event.set()
    for _ in range(count):
        await event.wait()


@row("event, waited for", "primitives", 50_000)
async def event_waited(count: int) -> None:
    loop = asyncio.get_running_loop()
    event = asyncio.Event()
    for _ in range(count):
        loop.call_soon(event.set)
        await event.wait()
        event.clear()


@row("condition, free", "primitives", 100_000)
async def condition_free(count: int) -> None:
    await enter_free(count, asyncio.Condition())


@row("condition, waited for", "primitives", 30_000)
async def condition_waited(count: int) -> None:
    condition = asyncio.Condition()
    turn = 0

    async def one(mine: int) -> None:
        nonlocal turn
        for _ in range(count // 2):
            async with condition:
                while turn != mine:
                    await condition.wait()
                turn = 1 - mine
                condition.notify()

    await asyncio.gather(one(0), one(1))


@row("barrier of 10, each", "primitives", 30_000)
async def barrier(count: int) -> None:
    barrier = asyncio.Barrier(10)

    async def one() -> None:
        for _ in range(count // 10):
            await barrier.wait()

    await asyncio.gather(*[one() for _ in range(10)])


@row("to_thread", "primitives", 5_000, elapsed=True)
async def to_thread(count: int) -> None:
    for _ in range(count):
        await asyncio.to_thread(do_nothing)


@row("run_in_executor", "primitives", 5_000, elapsed=True)
async def run_in_executor(count: int) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(count):
        await loop.run_in_executor(None, do_nothing)


# How often each task of the growth rows gives way: as often among many as among few, so that the making of
# tasks has the same share in all of them.
SLEEPS = 20


def _scaling() -> None:
    for tasks in (10, 1000, 100_000):

        async def operation(count: int, tasks: int = tasks) -> None:
            for _ in range(max(1, count // (SLEEPS * tasks))):
                await many_sleep_zero(SLEEPS * tasks, tasks)

        row(f"sleep(0) in {tasks:,} tasks", "growth", max(200_000, SLEEPS * tasks))(operation)


_scaling()

REPETITIONS = 3


def measure(loop: str, name: str) -> float:
    """Run one row in this process; return nanoseconds for one operation, the best of some repetitions."""
    row = ROWS[name]
    clock = time.perf_counter_ns if row.elapsed else time.process_time_ns

    async def main() -> float:
        await row.operation(row.count // 10)
        times = []
        for _ in range(REPETITIONS):
            start = clock()
            await row.operation(row.count)
            times.append((clock() - start) / row.count)
        return min(times)

    return float(loops.run(loop, main()))


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], sys.argv[2])))
