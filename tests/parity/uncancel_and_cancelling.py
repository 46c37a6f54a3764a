import asyncio

import ferrio


async def main():
    async def stubborn():
        for _ in range(2):
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                print(asyncio.current_task().cancelling())
        print(
            asyncio.current_task().uncancel(),
            asyncio.current_task().uncancel(),
            asyncio.current_task().uncancel(),
        )
        return "done"

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    print(await task)


ferrio.run(main())
