import asyncio

import ferrio


async def main():
    async def inner():
        await asyncio.sleep(0.02)
        print("inner done")
        return 1

    task = asyncio.create_task(inner())

    async def outer():
        return await asyncio.shield(task)

    waiting = asyncio.create_task(outer())
    await asyncio.sleep(0)
    waiting.cancel()
    print(await asyncio.gather(waiting, task, return_exceptions=True))


ferrio.run(main())
