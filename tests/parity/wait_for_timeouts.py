import asyncio

import ferrio


async def slow(log):
    try:
        await asyncio.sleep(10)
    except asyncio.CancelledError:
        log.append("cancelled")
        await asyncio.sleep(0)
        log.append("cleaned up")
        raise


async def refuses():
    try:
        await asyncio.sleep(10)
    except asyncio.CancelledError:
        return "a result after all"


async def fails():
    try:
        await asyncio.sleep(10)
    except asyncio.CancelledError:
        raise ValueError("while cleaning up") from None


async def main():
    log = []
    for timeout in (0.01, 0, -1):
        try:
            await asyncio.wait_for(slow(log), timeout)
        except TimeoutError as error:
            print(timeout, repr(error), type(error.__cause__).__name__, log)
        log.clear()
    print(
        await asyncio.wait_for(asyncio.sleep(0, "in time"), 1),
        await asyncio.wait_for(asyncio.sleep(0, "none"), None),
    )
    for call in (refuses, fails):
        try:
            print(await asyncio.wait_for(call(), 0.005))
        except (TimeoutError, ValueError) as error:
            print(repr(error))
    done = asyncio.get_running_loop().create_future()
    done.set_result("done")
    print(await asyncio.wait_for(done, 0), await asyncio.wait_for(done, -5))
    waiting = asyncio.create_task(asyncio.wait_for(slow(log), 10))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel("from outside")
    print(await asyncio.gather(waiting, return_exceptions=True), log)


ferrio.run(main())
