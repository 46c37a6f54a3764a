"""Ten faults that asyncio programs have, each with its correct version. All of them pass in the ordinary order."""

import asyncio
from asyncio import sleep

# One turn of work or of a network, in seconds.
TURN = 0.01


async def lost_update(is_correct):
    counter, lock = {"value": 0}, asyncio.Lock()

    async def add(turns):
        for _ in range(turns):
            await sleep(0)
        if is_correct:
            async with lock:
                await add_one()
        else:
            await add_one()

    async def add_one():
        value = counter["value"]
        await sleep(0)
        counter["value"] = value + 1

    await asyncio.gather(add(0), add(2), add(4))
    assert counter["value"] == 3


async def wrong_lock_order(is_correct):
    first, second = asyncio.Lock(), asyncio.Lock()

    async def forward():
        async with first:
            await sleep(TURN)
            async with second:
                pass

    async def back():
        await sleep(TURN)
        outer, inner = (first, second) if is_correct else (second, first)
        async with outer:
            await sleep(TURN)
            async with inner:
                pass

    await asyncio.gather(forward(), back())


async def check_then_act(is_correct):
    cache, loads, lock = {}, [], asyncio.Lock()

    async def get():
        if is_correct:
            async with lock:
                return await load_unless_there()
        return await load_unless_there()

    async def load_unless_there():
        if "key" not in cache:
            loads.append("key")
            await sleep(TURN)
            cache["key"] = 1
        return cache["key"]

    async def get_later():
        await sleep(TURN)
        await get()

    await asyncio.gather(get(), get_later())
    assert loads == ["key"]


async def lost_cancellation(is_correct):
    async def work():
        try:
            await sleep(TURN)
        except asyncio.CancelledError:
            # What was to be done here can be done later.
            if is_correct:
                raise
        await sleep(3600)

    task = asyncio.create_task(work())
    await sleep(0)
    await sleep(TURN)
    task.cancel()
    await asyncio.wait({task}, timeout=1)
    assert task.cancelled()


async def timeout_that_leaks(is_correct):
    pool = {"used": 0}

    async def acquire():
        await sleep(TURN)
        pool["used"] += 1
        try:
            await sleep(0)
        except BaseException:
            if is_correct:
                pool["used"] -= 1
            raise

    try:
        async with asyncio.timeout(TURN):
            await acquire()
            pool["used"] -= 1
    except TimeoutError:
        pass
    assert pool["used"] == 0


async def double_release(is_correct):
    semaphore = asyncio.BoundedSemaphore(1)

    async def work():
        await semaphore.acquire()
        try:
            await sleep(TURN)
        except asyncio.CancelledError:
            if not is_correct:
                semaphore.release()
            raise
        finally:
            semaphore.release()

    task = asyncio.create_task(work())
    await sleep(0)
    await sleep(TURN)
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        assert task.exception() is None, task.exception()


async def queue_joined_too_early(is_correct):
    queue, done = asyncio.Queue(), []

    async def produce():
        for item in range(3):
            queue.put_nowait(item)
            await sleep(TURN)

    async def consume():
        while True:
            item = await queue.get()
            await sleep(TURN)
            done.append(item)
            queue.task_done()

    producer, consumer = asyncio.create_task(produce()), asyncio.create_task(consume())
    await sleep(0)
    if is_correct:
        await producer
    await queue.join()
    consumer.cancel()
    assert done == [0, 1, 2]
    await producer


async def message_taken_for_delivered(is_correct):
    queue, stored, delivered = asyncio.Queue(), [], []

    async def send(message):
        acknowledged = asyncio.get_running_loop().create_future()
        await queue.put((message, acknowledged))
        if is_correct:
            await acknowledged
        delivered.append(message)

    async def receive():
        while True:
            message, acknowledged = await queue.get()
            await sleep(TURN)
            stored.append(message)
            acknowledged.set_result(None)

    receiver, sender = asyncio.create_task(receive()), asyncio.create_task(send("hello"))
    await sleep(0)
    await sleep(0)
    await sleep(TURN)
    receiver.cancel()
    await sleep(TURN)
    sender.cancel()
    assert set(delivered) <= set(stored)


async def leader_with_two_heads(is_correct):
    lease, leaders = {"holder": None}, []

    async def host(name, start):
        if start:
            await sleep(start)
        if lease["holder"] is None:
            # The answer is on its way.
            await sleep(TURN)
            if is_correct and lease["holder"] is not None:
                return
            lease["holder"] = name
            leaders.append(name)

    await asyncio.gather(*(host(name, name * TURN) for name in range(5)))
    assert len(leaders) == 1


async def retry_that_doubles(is_correct):
    requests, answered, charged = asyncio.Queue(), set(), []

    async def serve():
        while True:
            key = await requests.get()
            await sleep(TURN)
            if not is_correct or key not in answered:
                charged.append(key)
            answered.add(key)

    async def pay(key):
        for _ in range(3):
            requests.put_nowait(key)
            await sleep(0)
            await sleep(TURN)
            if key in answered:
                return

    server = asyncio.create_task(serve())
    await sleep(0)
    await pay("order 1")
    await sleep(10 * TURN)
    server.cancel()
    assert charged == ["order 1"]


FAULTS = [
    lost_update,
    wrong_lock_order,
    check_then_act,
    lost_cancellation,
    timeout_that_leaks,
    double_release,
    queue_joined_too_early,
    message_taken_for_delivered,
    leader_with_two_heads,
    retry_that_doubles,
]
