"""Ferrio's own primitives in many orders: queues, locks, conditions, semaphores, groups, timeouts and streams.

Each test holds in every order that asyncio allows. ferrio.testing shrinks what does not.
"""

import asyncio

import ferrio
import pytest
from ferrio import testing

# Orders of each test. All of them take a few seconds together.
SCHEDULES = 100


def explored(schedules=SCHEDULES, **options):
    """Have a test run in many orders."""

    def decorate(function):
        def test():
            testing.explore(function, schedules=schedules, strict=True, **options)

        test.__name__, test.__doc__ = function.__name__, function.__doc__
        return test

    return decorate


@explored()
async def test_a_queue_loses_and_doubles_nothing_when_getters_are_cancelled():
    queue, got = ferrio.Queue(2), []

    async def produce(name):
        for number in range(5):
            await queue.put((name, number))

    async def consume():
        while True:
            try:
                async with ferrio.timeout(0.01):
                    got.append(await queue.get())
            except TimeoutError:
                continue
            queue.task_done()

    consumers = [asyncio.create_task(consume()) for _ in range(3)]
    await ferrio.gather(produce("a"), produce("b"))
    victim = consumers.pop()
    victim.cancel()
    await queue.join()
    assert sorted(got) == [(name, number) for name in "ab" for number in range(5)]
    # What one producer put is taken in its order.
    for name in "ab":
        assert [number for one, number in got if one == name] == [*range(5)]
    for consumer in consumers:
        consumer.cancel()
    await ferrio.wait([*consumers, victim])


@explored()
async def test_one_task_at_a_time_holds_a_lock_and_none_waits_for_ever():
    lock, inside, had = ferrio.Lock(), [], []

    async def work(name, is_impatient):
        try:
            async with ferrio.timeout(0.015 if is_impatient else None), lock:
                inside.append(name)
                assert inside == [name]
                await ferrio.sleep(0.01)
                inside.remove(name)
                had.append(name)
        except TimeoutError:
            if name in inside:
                inside.remove(name)

    await ferrio.gather(*(work(name, name % 2) for name in range(6)))
    assert {0, 2, 4} <= {*had} and not lock.locked()


@explored()
async def test_a_semaphore_never_lets_in_more_than_its_value():
    semaphore, inside = ferrio.BoundedSemaphore(2), set()

    async def work(name):
        async with semaphore:
            inside.add(name)
            try:
                assert len(inside) <= 2
                await ferrio.sleep(0)
            finally:
                inside.remove(name)

    tasks = [ferrio.create_task(work(name)) for name in range(6)]
    await ferrio.sleep(0)
    tasks[3].cancel()
    await ferrio.wait(tasks)
    assert not [task for task in tasks if not task.cancelled() and task.exception()]
    async with semaphore, semaphore:
        assert semaphore.locked()


@explored()
async def test_a_condition_wakes_as_many_as_it_is_told():
    condition, woken, waiting = ferrio.Condition(), [], []

    async def wait(name):
        async with condition:
            waiting.append(name)
            await condition.wait()
            woken.append(name)

    tasks = [ferrio.create_task(wait(name)) for name in range(4)]
    await testing.eventually(lambda: len(waiting) == 4, within=1)
    tasks[waiting[0]].cancel()
    async with condition:
        condition.notify(2)
    await ferrio.sleep(1)
    # One that is cancelled passes its turn on, and asyncio of some versions wakes one more.
    assert 2 <= len(woken) <= 3
    async with condition:
        condition.notify_all()
    await ferrio.wait(tasks)
    assert len(woken) == 3


@explored()
async def test_a_barrier_and_an_event_let_all_through():
    barrier, event, through = ferrio.Barrier(3), ferrio.Event(), []

    async def work(name):
        await event.wait()
        through.append(await barrier.wait())

    tasks = [ferrio.create_task(work(name)) for name in range(6)]
    await ferrio.sleep(0.01)
    event.set()
    await ferrio.gather(*tasks)
    assert sorted(through) == [0, 0, 1, 1, 2, 2] and not barrier.broken


@explored()
async def test_a_group_ends_all_its_tasks_and_raises_what_failed():
    ended = []

    async def work(name):
        try:
            await ferrio.sleep(0.01 * (name % 2))
            if name == 3:
                raise LookupError(name)
            await ferrio.sleep(3600)
        finally:
            await ferrio.sleep(0)
            ended.append(name)

    with pytest.raises(ExceptionGroup) as caught:
        async with ferrio.TaskGroup() as group:
            for name in range(5):
                group.create_task(work(name))
            await ferrio.sleep(3600)
    assert [type(one) for one in caught.value.exceptions] == [LookupError]
    # A task that was cancelled before its first step has not begun.
    assert 3 in ended and len(ended) == len({*ended})
    assert asyncio.current_task().cancelling() == 0


@explored()
async def test_a_timeout_and_a_cancellation_at_one_moment():
    """Who is cancelled from outside ends cancelled, whatever its timeout does; and no cancellation is left over."""

    async def work():
        async with ferrio.timeout(0.01):
            await ferrio.sleep(1)

    task = ferrio.create_task(work())
    await ferrio.sleep(0)
    await ferrio.sleep(0.01)
    was_cancelled = task.cancel()
    await ferrio.wait([task])
    if not was_cancelled:
        assert isinstance(task.exception(), TimeoutError)
    else:
        assert task.cancelled() or isinstance(task.exception(), TimeoutError)

    async def shielded():
        return await ferrio.shield(ferrio.sleep(0.01, "done"))

    done, pending = await ferrio.wait(
        [ferrio.create_task(shielded()), ferrio.create_task(ferrio.sleep(0.01, "done"))], timeout=0.01
    )
    for one in done | pending:
        assert await one == "done"
    with pytest.raises(TimeoutError):
        await ferrio.wait_for(ferrio.sleep(3600), 0.01)
    assert asyncio.current_task().cancelling() == 0


@explored(schedules=20, network="memory")
async def test_a_stream_arrives_whole_whoever_waits_and_closes():
    data = bytes(range(256)) * 40
    received = bytearray()

    async def serve(reader, writer):
        header = await reader.readuntil(b"\n\n")
        received.extend(header)
        while piece := await reader.read(1000):
            received.extend(piece)
            writer.write(piece)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await ferrio.start_server(serve, port=1)
    with testing.network().host("client").active():
        reader, writer = await ferrio.open_connection(testing.network().host("localhost").address, 1)

    async def send():
        for at in range(0, len(data), 700):
            writer.write(data[at : at + 700])
            await writer.drain()
        writer.write_eof()

    writer.writelines([b"head", b"er\n", b"\n"])
    _, answer = await ferrio.gather(send(), reader.readexactly(len(data)))
    assert answer == data and received == b"header\n\n" + data
    assert await reader.read() == b"" and reader.at_eof()
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()
