import asyncio

import ferrio


async def main():
    barrier = asyncio.Barrier(3)
    order = []

    async def worker(name):
        for phase in range(2):
            index = await barrier.wait()
            order.append((phase, name, index))

    print(barrier.parties, barrier.n_waiting, barrier.broken, repr(barrier)[-25:])
    await asyncio.gather(*[worker(n) for n in range(3)])
    print(order)
    async with asyncio.Barrier(1) as index:
        print(index)
    try:
        asyncio.Barrier(0)
    except ValueError as error:
        print(str(error)[:14])
    waiting = [asyncio.create_task(barrier.wait()) for _ in range(2)]
    await asyncio.sleep(0.01)
    print(barrier.n_waiting)
    await barrier.abort()
    print([repr(one) for one in await asyncio.gather(*waiting, return_exceptions=True)], barrier.broken)
    try:
        await barrier.wait()
    except asyncio.BrokenBarrierError as error:
        print(error)
    await barrier.reset()
    print(barrier.broken, barrier.n_waiting)
    waiting = [asyncio.create_task(barrier.wait()) for _ in range(2)]
    await asyncio.sleep(0.01)
    waiting[0].cancel()
    await asyncio.sleep(0.01)
    print(barrier.n_waiting, barrier.broken)
    waiting += [asyncio.create_task(barrier.wait()) for _ in range(2)]
    print(await asyncio.gather(*waiting, return_exceptions=True))


ferrio.run(main())
