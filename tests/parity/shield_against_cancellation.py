import asyncio

import ferrio


async def inner(log):
    await asyncio.sleep(0.2)
    log.append("inner done")
    return "result"


async def main():
    log = []
    task = asyncio.create_task(inner(log))
    outer = asyncio.create_task(shielding(task))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    outer.cancel()
    print(await asyncio.gather(outer, return_exceptions=True), task.done())
    print(await task, log)
    print(await asyncio.shield(asyncio.sleep(0, "value")))
    shielded = asyncio.shield(task)
    print(shielded is task, shielded.done())
    task = asyncio.create_task(inner(log))
    shielded = asyncio.shield(task)
    task.cancel("inner is cancelled")
    print([repr(one) for one in await asyncio.gather(shielded, return_exceptions=True)])
    future = asyncio.get_running_loop().create_future()
    shielded = asyncio.shield(future)
    shielded.cancel()
    await asyncio.sleep(0)
    future.set_result("nobody waits")
    await asyncio.sleep(0)
    print(shielded.cancelled(), future.result())
    failing = asyncio.get_running_loop().create_future()
    shielded = asyncio.shield(failing)
    failing.set_exception(ValueError("through the shield"))
    try:
        await shielded
    except ValueError as error:
        print(error)


async def shielding(task):
    return await asyncio.shield(task)


ferrio.run(main())
