import asyncio

import ferrio


async def main():
    event = asyncio.Event()
    order = []

    async def waiter(name):
        order.append((name, await event.wait()))

    tasks = [asyncio.create_task(waiter(n)) for n in range(3)]
    await asyncio.sleep(0)
    print(repr(event)[-19:], event.is_set())
    event.set()
    event.clear()
    # Those who waited go on, though it is cleared again.
    await asyncio.gather(*tasks)
    print(order, event.is_set(), repr(event)[-8:])
    event.set()
    event.set()
    print(await event.wait(), repr(event)[-6:])
    event.clear()
    cancelled, other = asyncio.create_task(event.wait()), asyncio.create_task(event.wait())
    await asyncio.sleep(0)
    cancelled.cancel()
    event.set()
    print(await asyncio.gather(cancelled, other, return_exceptions=True), len(event._waiters))


ferrio.run(main())
