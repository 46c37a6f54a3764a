"""Floats, fractions, bools and ints of any size serve wherever asyncio only computes with them."""

import asyncio
from decimal import Decimal
from fractions import Fraction

import ferrio

HUGE = 10**30
NUMBERS = [
    2.0,
    1.5,
    0.5,
    0.0,
    -1.0,
    float("inf"),
    float("nan"),
    True,
    False,
    HUGE,
    -HUGE,
    Fraction(3, 2),
    Decimal(2),
    "a",
    None,
]


def told(make):
    try:
        return make()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


async def use(semaphore):
    """Acquire and release in each way, as often as at most five times."""
    taken = 0
    while taken < 5 and not semaphore.locked():
        await semaphore.acquire()
        taken += 1
    values = [semaphore._value]
    if taken == 5:
        try:
            async with semaphore:
                values.append(semaphore._value)
        except ValueError as error:
            values.append(str(error))
    for _ in range(taken):
        values.append(told(semaphore.release))
    values.append(semaphore._value)
    waiter = asyncio.create_task(semaphore.acquire())
    await asyncio.sleep(0)
    values.append(waiter.done())
    waiter.cancel()
    await asyncio.wait([waiter])
    return taken, values, repr(semaphore).partition(" ")[2]


async def semaphores():
    for number in NUMBERS:
        for kind in (asyncio.Semaphore, asyncio.BoundedSemaphore):
            semaphore = told(lambda kind=kind, number=number: kind(number))
            if isinstance(semaphore, str):
                print(kind.__name__, repr(number), semaphore)
                continue
            print(kind.__name__, repr(number), await use(semaphore))
            print(told(semaphore.release), semaphore._value)
    semaphore = asyncio.Semaphore(2**63 - 1)
    semaphore.release()
    print(semaphore._value == 2**63, await semaphore.acquire(), semaphore._value == 2**63 - 1)
    semaphore._value = 1.0
    waiters = [asyncio.create_task(semaphore.acquire()) for _ in range(3)]
    await asyncio.sleep(0)
    print([waiter.done() for waiter in waiters], semaphore._value)
    semaphore.release()
    semaphore.release()
    await asyncio.wait(waiters)
    print(semaphore._value)


async def barriers():
    for number in NUMBERS:
        barrier = told(lambda number=number: asyncio.Barrier(number))
        if isinstance(barrier, str):
            print("Barrier", repr(number), barrier)
            continue
        waiters = [asyncio.create_task(barrier.wait()) for _ in range(2)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        print(
            "Barrier",
            repr(number),
            repr(barrier.parties),
            barrier.n_waiting,
            [waiter.done() for waiter in waiters],
        )
        for waiter in waiters:
            waiter.cancel()
        await asyncio.wait(waiters)


async def conditions():
    for number in NUMBERS:
        condition = asyncio.Condition()

        async def wait(condition=condition):
            async with condition:
                await condition.wait()

        waiters = [asyncio.create_task(wait()) for _ in range(4)]
        await asyncio.sleep(0)
        async with condition:
            answer = told(lambda condition=condition, number=number: condition.notify(number))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        print("notify", repr(number), answer, [waiter.done() for waiter in waiters])
        for waiter in waiters:
            waiter.cancel()
        await asyncio.wait(waiters)


class Paused:
    def __init__(self):
        self.calls = []

    def pause_reading(self):
        self.calls.append("pause")

    def resume_reading(self):
        self.calls.append("resume")


async def readers():
    for number in [*NUMBERS, 4.0, 4.5, 1e6]:
        reader = told(lambda number=number: asyncio.StreamReader(limit=number))
        if isinstance(reader, str):
            print("StreamReader", repr(number), reader)
            continue
        transport = Paused()
        reader.set_transport(transport)
        for data in (b"abc\n", b"d" * 8, b"\n"):
            reader.feed_data(data)
        print("StreamReader", repr(number), repr(reader._limit), transport.calls)
        results = []
        for read in (reader.readline, lambda reader=reader: reader.readexactly(2), reader.readline):
            try:
                results.append(await read())
            except Exception as error:
                results.append(f"{type(error).__name__}: {error}")
        reader.feed_eof()
        try:
            results.append(await reader.read())
        except Exception as error:
            results.append(f"{type(error).__name__}: {error}")
        print(results, transport.calls)


async def marks():
    server = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    for high in [*NUMBERS, 1e6, 5]:
        for low in (None, 1.5, 0, HUGE, Fraction(1, 2)):
            transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, *address)
            print(repr(high), repr(low), told(lambda: transport.set_write_buffer_limits(high, low)))
            print(transport.get_write_buffer_limits())
            transport.write(b"x" * 100)
            transport.abort()
    server.close()


async def main():
    await semaphores()
    await barriers()
    await conditions()
    await readers()
    await marks()


ferrio.run(main())
