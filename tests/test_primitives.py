"""Coroutines, locks, queues and streams in Rust: what they hold, when they let it go, what they refuse."""

import asyncio
import gc
import warnings
import weakref

import ferrio
import pytest
from ferrio import _core
from support.growth import growth, leaks


class Thing:
    """Something that can be referred to weakly."""


def test_coroutines_that_are_dropped_in_every_state(loop):
    async def main():
        queue, lock = ferrio.Queue(), ferrio.Lock()
        await lock.acquire()
        for _ in range(3):
            # Never awaited: it warns each time, also when its memory is used again.
            with pytest.warns(RuntimeWarning, match="coroutine 'Queue.get' was never awaited"):
                queue.get()
            # Suspended: it leaves the queue of those who wait.
            suspended = lock.acquire()
            suspended.send(None)
            assert len(lock._waiters) == 1
            del suspended
            assert len(lock._waiters) == 0
            # Closed, done.
            closed = queue.get()
            closed.close()
            queue.put_nowait(1)
            assert await queue.get() == 1

    loop.run_until_complete(main())


def test_a_cycle_through_a_waiting_coroutine_is_collected():
    thing = Thing()
    reference = weakref.ref(thing)

    async def waits(event, thing):
        await event.wait()

    async def main(thing):
        event = ferrio.Event()
        task = asyncio.create_task(waits(event, thing))
        event.cycle = (task, event)
        await asyncio.sleep(0)
        task._log_destroy_pending = False

    loop = ferrio.new_event_loop()
    loop.run_until_complete(main(thing))
    loop.close()
    del loop, thing
    gc.collect()
    assert reference() is None


def test_a_result_is_not_kept(loop):
    async def main():
        queue = ferrio.Queue()
        references = []
        for kind in (Thing, Thing, set, list):
            thing = kind() if kind is Thing else Thing()
            references.append(weakref.ref(thing))
            queue.put_nowait(thing)
            del thing
            await queue.get()
        assert [reference() for reference in references] == [None] * 4
        # An exception that is thrown in and comes out again is not kept either.
        coroutine = queue.get()
        coroutine.send(None)
        error = ValueError("thrown")
        error.thing = Thing()
        references.append(weakref.ref(error.thing))
        with pytest.raises(ValueError, match="thrown"):
            coroutine.throw(error)
        del error, coroutine
        gc.collect()
        assert references[-1]() is None

    loop.run_until_complete(main())


async def locks():
    lock = ferrio.Lock()

    async def worker():
        async with lock:
            await ferrio.sleep(0)

    await ferrio.gather(*[worker() for _ in range(5)])


async def semaphores():
    semaphore = ferrio.BoundedSemaphore(2)

    async def worker():
        async with semaphore:
            await ferrio.sleep(0)

    await ferrio.gather(*[worker() for _ in range(5)])


async def events():
    event = ferrio.Event()
    tasks = [asyncio.create_task(event.wait()) for _ in range(3)]
    await ferrio.sleep(0)
    tasks[0].cancel()
    event.set()
    await ferrio.gather(*tasks, return_exceptions=True)


async def queues():
    queue = ferrio.PriorityQueue(2)

    async def producer():
        for number in range(5):
            await queue.put((number, object))

    task = asyncio.create_task(producer())
    for _ in range(5):
        await queue.get()
    await task
    cancelled = asyncio.create_task(queue.get())
    await ferrio.sleep(0)
    cancelled.cancel()
    await ferrio.gather(cancelled, return_exceptions=True)


async def gathers():
    async def fails():
        await ferrio.sleep(0)
        raise ValueError

    await ferrio.gather(fails(), ferrio.sleep(0), return_exceptions=True)
    outer = ferrio.gather(ferrio.sleep(10), ferrio.sleep(10))
    await ferrio.sleep(0)
    outer.cancel()
    await ferrio.gather(outer, return_exceptions=True)


async def streams():
    reader = ferrio.StreamReader(limit=100)
    reader.feed_data(b"line\nrest")
    await reader.readline()
    waiting = asyncio.create_task(reader.readuntil(b"END"))
    await ferrio.sleep(0)
    reader.feed_data(b"..END")
    await waiting
    with pytest.raises(asyncio.IncompleteReadError):
        reader.feed_eof()
        await reader.readexactly(3)


async def sleeps():
    await ferrio.sleep(0.0001, Thing())
    task = asyncio.create_task(ferrio.sleep(10))
    await ferrio.sleep(0)
    task.cancel()
    await ferrio.gather(task, return_exceptions=True)


async def timeouts():
    async with ferrio.timeout(10) as timeout:
        timeout.reschedule(None)
    with pytest.raises(TimeoutError):
        async with ferrio.timeout(0.0001):
            await ferrio.sleep(10)


@pytest.mark.parametrize("work", [locks, semaphores, events, queues, gathers, streams, sleeps, timeouts])
def test_nothing_grows(loop, work):
    async def main():
        for _ in range(40):
            await work()

    grown = growth(lambda: loop.run_until_complete(main()))
    assert not leaks(grown), grown


def test_re_entering_is_refused(loop):
    class Item:
        def __lt__(self, other):
            with pytest.raises(ValueError, match="already executing"):
                putting.send(None)
            return True

    async def main():
        nonlocal putting
        queue = ferrio.PriorityQueue()
        queue.put_nowait(Item())
        putting = queue.put(Item())
        with pytest.raises(StopIteration):
            putting.send(None)

    putting = None
    loop.run_until_complete(main())


def test_a_finaliser_that_comes_back_to_the_queue(loop):
    class Item:
        def __del__(self):
            queue.put_nowait("from the finaliser")

    async def main():
        queue.put_nowait(Item())
        await queue.get()
        gc.collect()
        assert await queue.get() == "from the finaliser"

    queue = ferrio.Queue()
    loop.run_until_complete(main())


def test_methods_refuse_other_objects():
    for method in (_core.Queue.get, _core.Lock.acquire, _core.StreamReader.read):
        with pytest.raises(TypeError, match="requires a"):
            method(object())
        with pytest.raises(TypeError):
            method()
    with pytest.raises(TypeError):
        ferrio.sleep()
    with pytest.raises(TypeError, match="unexpected keyword"):
        ferrio.gather(no_such=1)
    for kind in (_core.Queue, _core.Lock):
        # Without __init__, as a derived class may forget it.
        assert kind.__new__(kind) is not None


def test_primitives_without_init_do_not_crash(loop):
    class Forgetful(ferrio.Queue):
        def __init__(self):
            pass

    class ForgetfulReader(ferrio.StreamReader):
        def __init__(self):
            pass

    queue = Forgetful()
    for call in (queue.qsize, queue.empty, queue.get_nowait, lambda: queue.put_nowait(1), queue.task_done):
        with pytest.raises((AttributeError, TypeError, ValueError)):
            call()
    with pytest.raises(AttributeError):
        loop.run_until_complete(queue.get())
    reader = ForgetfulReader()
    reader.feed_data(b"x")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert loop.run_until_complete(reader.read(1)) == b"x"


def test_foreign_loops_are_served():
    async def main():
        queue, lock, event = ferrio.Queue(1), ferrio.Lock(), ferrio.Event()
        async with lock:
            waiting = asyncio.ensure_future(lock.acquire())
            await ferrio.sleep(0)
        assert await waiting
        getting = asyncio.ensure_future(queue.get())
        await ferrio.sleep(0)
        await queue.put(7)
        asyncio.get_running_loop().call_later(0.001, event.set)
        # The loop's timers serve Ferrio's sleep() too.
        assert await ferrio.gather(getting, event.wait(), ferrio.sleep(0.001, "slept")) == [7, True, "slept"]
        reader = ferrio.StreamReader()
        asyncio.get_running_loop().call_later(0.001, reader.feed_data, b"line\n")
        assert await reader.readline() == b"line\n"

    runner = asyncio.Runner(loop_factory=asyncio.SelectorEventLoop)
    with runner:
        runner.run(main())


@pytest.mark.parametrize("where", ["class", "base"])
def test_a_class_that_changes_after_its_first_instance_is_looked_at_again(where):
    log = []

    def semaphore():
        class Base(ferrio.Semaphore):
            pass

        class Mine(Base):
            pass

        async def acquire(self):
            log.append("acquire")
            return await ferrio.Semaphore.acquire(self)

        async def use():
            async with Mine():
                pass

        return (Mine if where == "class" else Base), "acquire", acquire, use

    def queue():
        class Base(ferrio.Queue):
            pass

        class Mine(Base):
            pass

        def put(self, item):
            log.append("put")
            self._queue.append(item)

        async def use():
            one = Mine()
            await one.put(1)
            assert await one.get() == 1

        return (Mine if where == "class" else Base), "_put", put, use

    for cls, name, method, use in (semaphore(), queue()):
        for _ in range(3):
            ferrio.run(use())
            assert not log
            setattr(cls, name, method)
            for _ in range(2):
                ferrio.run(use())
                assert log.pop() and not log
            delattr(cls, name)
        ferrio.run(use())
        assert not log
