import asyncio

import ferrio


async def main():
    async def never():
        print("ran")

    task = asyncio.create_task(never())
    print(task.cancel(), task.cancelled())
    try:
        await task
    except asyncio.CancelledError:
        print(task.cancelled(), task.done())


ferrio.run(main())
