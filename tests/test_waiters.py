"""ferrio.testing: who of those that wait is woken. Locks keep their line, queues have none; see docs/testing.md."""

import asyncio

import ferrio
import pytest
from ferrio import testing


async def in_line(wait, wake):
    """Have tasks begin to wait in some order, and wake them one by one. Return both orders."""
    waiting, woken = [], []

    async def work(name):
        await asyncio.sleep(0)
        waiting.append(name)
        await wait(name)
        woken.append(name)

    async with asyncio.TaskGroup() as group:
        for name in range(4):
            group.create_task(work(name))
        await asyncio.sleep(1)
        for count in range(1, 5):
            await wake()
            await asyncio.sleep(1)
            assert len(woken) == count
    return waiting, woken


@pytest.mark.parametrize("library", [asyncio, ferrio])
def test_waiters_of_locks_semaphores_and_conditions_stay_in_line(library):
    async def main():
        semaphore = library.Semaphore(0)

        async def release():
            semaphore.release()

        waiting, woken = await in_line(lambda _: semaphore.acquire(), release)
        assert waiting == woken
        condition = library.Condition()

        async def wait(_):
            async with condition:
                await condition.wait()

        async def notify():
            async with condition:
                condition.notify()

        waiting, woken = await in_line(wait, notify)
        assert waiting == woken
        lock = library.Lock()
        await lock.acquire()

        async def unlock():
            lock.release()

        waiting, woken = await in_line(lambda _: lock.acquire(), unlock)
        assert waiting == woken

    testing.explore(main, schedules=50)


@pytest.mark.parametrize("kind", ["Queue", "PriorityQueue", "LifoQueue"])
@pytest.mark.parametrize("library", [asyncio, ferrio])
def test_a_queue_wakes_anyone_who_waits(library, kind):
    """Only the choice of the waiter finds this: one is woken at a time."""

    async def gets():
        queue = getattr(library, kind)()
        waiting, woken = await in_line(lambda _: queue.get(), lambda: queue.put(1))
        assert waiting == woken

    async def puts():
        queue = getattr(library, kind)(1)
        await queue.put(1)
        waiting, woken = await in_line(queue.put, queue.get)
        assert waiting == woken

    before = vars(asyncio.queues.Queue).get("_wakeup_next")
    for test in (gets, puts):
        testing.run(test())
        failure = testing.find(test, schedules=300)
        assert isinstance(failure, testing.Failure) and len(failure.deviations) == 1
        with pytest.raises(AssertionError):
            testing.run(test(), schedule=failure.schedule)
    assert vars(asyncio.queues.Queue).get("_wakeup_next") is before


def test_a_queue_with_waiters_that_are_cancelled_or_of_a_derived_class():
    class Derived(asyncio.Queue):
        def _wakeup_next(self, waiters):
            super()._wakeup_next(waiters)

    async def main(kind):
        queue, got = kind(), []

        async def get():
            got.append(await queue.get())

        tasks = [asyncio.create_task(get()) for _ in range(5)]
        await asyncio.sleep(1)
        tasks[1].cancel()
        queue.put_nowait(0)
        tasks[3].cancel()
        queue.put_nowait(1)
        queue.put_nowait(2)
        await asyncio.sleep(1)
        assert sorted(got) == [0, 1, 2]

    for kind in (asyncio.Queue, ferrio.Queue, Derived):
        testing.explore(lambda kind=kind: main(kind), schedules=100)
    # An ordinary loop keeps the line.
    ferrio.run(main(Derived))
    asyncio.run(main(asyncio.Queue))


def test_those_who_are_woken_together_run_in_any_order():
    async def main():
        queue, got = asyncio.Queue(), {}

        async def get(name):
            got[name] = await queue.get()

        tasks = [asyncio.create_task(get(name)) for name in "abc"]
        await asyncio.sleep(1)
        for item in range(3):
            queue.put_nowait(item)
        await asyncio.gather(*tasks)
        return tuple(sorted(got.items()))

    assert len({testing.run(main(), seed=seed) for seed in range(100)}) > 3
    assert testing.run(main()) == (("a", 0), ("b", 1), ("c", 2))
