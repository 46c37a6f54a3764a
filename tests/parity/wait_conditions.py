import asyncio

import ferrio


async def main():
    async def work(delay, error=None):
        await asyncio.sleep(delay)
        if error:
            raise error
        return delay

    for when in (asyncio.FIRST_COMPLETED, asyncio.FIRST_EXCEPTION, asyncio.ALL_COMPLETED):
        tasks = [
            asyncio.create_task(work(0.03)),
            asyncio.create_task(work(0.2, ValueError("x"))),
            asyncio.create_task(work(0.5)),
        ]
        done, pending = await asyncio.wait(tasks, return_when=when)
        print(when, [task in done for task in tasks], [task in pending for task in tasks])
        await asyncio.gather(*tasks, return_exceptions=True)
    task = asyncio.create_task(work(5))
    print([len(part) for part in await asyncio.wait([task], timeout=0.01)])
    task.cancel()
    for wrong in ([], [work(0)]):
        try:
            await asyncio.wait(wrong)
        except (ValueError, TypeError) as error:
            print(type(error).__name__, error)
        for coroutine in wrong:
            coroutine.close()


ferrio.run(main())
