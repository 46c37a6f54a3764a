import asyncio

import ferrio


async def stubborn(log, name):
    try:
        await asyncio.sleep(10)
    except asyncio.CancelledError as error:
        log.append((name, error.args))
        if name == "refuses":
            return "refused"
        raise


async def main():
    for return_exceptions in (False, True):
        log = []
        outer = asyncio.gather(stubborn(log, "a"), stubborn(log, "b"), return_exceptions=return_exceptions)
        await asyncio.sleep(0)
        print(outer.cancel("enough"), outer.cancelled(), outer.done())
        try:
            print(await outer)
        except asyncio.CancelledError as error:
            print("cancelled", error.args, outer.cancelled(), log)
        print(outer.cancel(), log)
    log = []
    task = asyncio.create_task(gathering(log))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel("from outside")
    print(await asyncio.gather(task, return_exceptions=True), log)
    print(asyncio.gather().cancel())


async def gathering(log):
    try:
        return await asyncio.gather(stubborn(log, "refuses"), stubborn(log, "c"))
    except asyncio.CancelledError as error:
        log.append(("gathering", error.args))
        raise


ferrio.run(main())
