import asyncio

import ferrio


async def main():
    try:
        async with asyncio.timeout(0.01) as limit:
            await asyncio.sleep(10)
    except TimeoutError as error:
        print(repr(error), limit.expired())
    async with asyncio.timeout(None) as limit:
        print(limit.when())
        limit.reschedule(asyncio.get_running_loop().time() + 5)
    print(limit.expired())
    try:
        await asyncio.wait_for(asyncio.sleep(5), 0.01)
    except TimeoutError as error:
        print(repr(error))
    print(await asyncio.wait_for(asyncio.sleep(0, "in time"), None))


ferrio.run(main())
