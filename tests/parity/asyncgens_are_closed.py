import asyncio

import ferrio


async def main():
    async def generator():
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            print("closed")

    first = generator()
    print(await anext(first))
    async for _ in generator():
        break
    await asyncio.sleep(0.01)
    print("main ends")


ferrio.run(main())
