import asyncio

import ferrio


async def main():
    log = []

    async def work(name, steps):
        for step in range(steps):
            log.append(f"{name}{step}")
            await asyncio.sleep(0)
        return name

    print(await asyncio.gather(work("a", 3), work("b", 1), work("c", 2)))
    print(log)
    log.clear()
    lock = asyncio.Lock()

    async def locked(name):
        async with lock:
            log.append(f"{name} in")
            await asyncio.sleep(0)
            log.append(f"{name} out")

    async with asyncio.TaskGroup() as group:
        for name in "xyz":
            group.create_task(locked(name))
    print(log)


ferrio.run(main())
