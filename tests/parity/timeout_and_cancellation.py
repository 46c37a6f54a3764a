import asyncio

import ferrio


async def waits(log):
    try:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(5)
    except TimeoutError:
        log.append("timeout")
    except asyncio.CancelledError as error:
        log.append(("cancelled", error.args, asyncio.current_task().cancelling()))
        raise


async def main():
    log = []
    task = asyncio.create_task(waits(log))
    await asyncio.sleep(0)
    task.cancel("outside")
    print(await asyncio.gather(task, return_exceptions=True), log)
    # Both in one moment: the cancellation from outside wins.
    log.clear()
    task = asyncio.create_task(waits(log))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(0.01, task.cancel, "together")
    await asyncio.wait([task])
    print(len(log))
    task = asyncio.create_task(swallows(log))
    print(await task, log[-1])


async def swallows(log):
    try:
        async with asyncio.timeout(0.005) as timeout:
            try:
                await asyncio.sleep(5)
            except asyncio.CancelledError:
                log.append("swallowed")
    except TimeoutError:
        return "still a timeout", timeout.expired()
    return "no timeout", timeout.expired()


ferrio.run(main())
