import asyncio

import ferrio


async def waits(log, name):
    try:
        await asyncio.sleep(10)
    except asyncio.CancelledError:
        log.append(name)
        raise


async def group_of(log):
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(waits(log, "a"))
            group.create_task(waits(log, "b"))
            await waits(log, "body")
    finally:
        log.append(asyncio.current_task().cancelling())


async def fails_while_cancelled(log):
    async with asyncio.TaskGroup() as group:
        group.create_task(cleans_up_badly())
        await asyncio.sleep(5)


async def cleans_up_badly():
    try:
        await asyncio.sleep(5)
    finally:
        raise ValueError("clean-up")


async def main():
    log = []
    task = asyncio.create_task(group_of(log))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel("outside")
    print(await asyncio.gather(task, return_exceptions=True), log[0], sorted(log[1:3]), log[3:])
    task = asyncio.create_task(fails_while_cancelled(log))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    (error,) = await asyncio.gather(task, return_exceptions=True)
    print(repr(error))
    # A child that is cancelled by itself does not hurt the group.
    async with asyncio.TaskGroup() as group:
        child = group.create_task(waits(log, "child"))
        await asyncio.sleep(0)
        child.cancel()
    print(child.cancelled(), log[-1])


ferrio.run(main())
