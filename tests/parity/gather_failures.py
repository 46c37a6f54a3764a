import asyncio

import ferrio


async def fail(message, rounds):
    for _ in range(rounds):
        await asyncio.sleep(0)
    raise ValueError(message)


async def succeed(log, rounds):
    for _ in range(rounds):
        await asyncio.sleep(0)
    log.append("succeeded")
    return "fine"


async def main():
    log = []
    try:
        await asyncio.gather(succeed(log, 5), fail("first", 1), fail("second", 3))
    except ValueError as error:
        print(error, log)
    # The others go on.
    await asyncio.sleep(0.01)
    print(log)
    results = await asyncio.gather(fail("kept", 0), succeed(log, 1), return_exceptions=True)
    print([repr(one) for one in results])
    tasks = [asyncio.create_task(succeed(log, 3)) for _ in range(2)]
    outer = asyncio.gather(*tasks)
    await asyncio.sleep(0)
    tasks[0].cancel("why")
    try:
        await outer
    except asyncio.CancelledError as error:
        print("cancelled", error.args, tasks[1].done(), outer.cancelled())
    print(await tasks[1])
    tasks = [asyncio.create_task(succeed(log, 3)) for _ in range(2)]
    outer = asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)
    tasks[0].cancel()
    print([repr(one) for one in await outer])


ferrio.run(main())
