import asyncio

import ferrio


async def main():
    lock = asyncio.Lock()
    order = []

    async def worker(name):
        async with lock:
            order.append(f"{name} in")
            await asyncio.sleep(0)
            order.append(f"{name} out")

    await lock.acquire()
    tasks = [asyncio.create_task(worker(n)) for n in range(4)]
    await asyncio.sleep(0)
    late = asyncio.create_task(worker("late"))
    lock.release()
    # Whoever comes now has to wait for his turn though the lock is free.
    print(lock.locked(), lock)
    await asyncio.gather(*tasks, late)
    print(order, lock.locked())


ferrio.run(main())
