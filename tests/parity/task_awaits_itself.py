import asyncio

import ferrio


async def main():
    async def itself():
        await asyncio.current_task()

    task = asyncio.create_task(itself(), name="narcissus")
    try:
        await task
    except RuntimeError as error:
        print(str(error).split(" coro")[0])


ferrio.run(main())
