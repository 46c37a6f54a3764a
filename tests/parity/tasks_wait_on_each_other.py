import asyncio

import ferrio


async def relay(before, log, name):
    try:
        log.append((name, await before))
    except asyncio.CancelledError as error:
        log.append((name, "cancelled", error.args))
        raise
    return name


async def main():
    log = []
    first = asyncio.get_running_loop().create_future()
    before, tasks = first, []
    for name in "abcd":
        before = asyncio.create_task(relay(before, log, name))
        tasks.append(before)
    await asyncio.sleep(0)
    first.set_result("go")
    print(await before, log)
    log.clear()
    first = asyncio.get_running_loop().create_future()
    before, tasks = first, []
    for name in "abc":
        before = asyncio.create_task(relay(before, log, name))
        tasks.append(before)
    await asyncio.sleep(0)
    # A cancellation goes down to what is really waited for, and comes up again.
    before.cancel("from above")
    print([repr(one) for one in await asyncio.gather(*tasks, return_exceptions=True)])
    print(log, first.cancelled())


ferrio.run(main())
