import asyncio

import ferrio


async def main():
    condition = asyncio.Condition()
    log = []

    async def waiter(name):
        async with condition:
            try:
                await condition.wait()
                log.append(name)
            except asyncio.CancelledError:
                log.append((name, "cancelled", condition.locked()))
                raise

    tasks = [asyncio.create_task(waiter(n)) for n in range(3)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    tasks[0].cancel()
    await asyncio.sleep(0.01)
    print(log, condition.locked(), len(condition._waiters))
    async with condition:
        condition.notify_all()
        tasks[1].cancel()
    print(await asyncio.gather(*tasks, return_exceptions=True))
    print(log, condition.locked())
    lock = asyncio.Lock()
    two = [asyncio.Condition(lock), asyncio.Condition(lock)]
    async with two[0]:
        print(two[1].locked(), lock.locked())
    print(two[1].locked(), two[0]._lock is lock)


ferrio.run(main())
