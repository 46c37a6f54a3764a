import asyncio

import ferrio


async def main():
    condition = asyncio.Condition()
    order = []

    async def waiter(name):
        async with condition:
            order.append((name, await condition.wait()))

    tasks = [asyncio.create_task(waiter(n)) for n in range(5)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    print(repr(condition)[-21:], condition.locked())
    for call in (condition.notify, condition.notify_all):
        try:
            call()
        except RuntimeError as error:
            print(error)
    try:
        await condition.wait()
    except RuntimeError as error:
        print(error)
    async with condition:
        condition.notify(2)
        print(order)
    await asyncio.sleep(0.01)
    print(order)
    async with condition:
        condition.notify_all()
    await asyncio.gather(*tasks)
    print(order, condition.locked())
    ready = []
    waiting = asyncio.create_task(wait_for(condition, ready))
    await asyncio.sleep(0)
    for value in (0, 0, 5):
        async with condition:
            ready.append(value)
            condition.notify()
        await asyncio.sleep(0)
    print(await waiting)


async def wait_for(condition, ready):
    async with condition:
        return await condition.wait_for(lambda: sum(ready))


ferrio.run(main())
