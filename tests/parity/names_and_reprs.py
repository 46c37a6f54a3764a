import asyncio
import re

import ferrio


async def main():
    async def work():
        await asyncio.sleep(0)

    loop = asyncio.get_running_loop()
    clean = lambda thing: re.sub(r"0x[0-9a-f]+|/\S+/", "", repr(thing))
    task = asyncio.create_task(work(), name="named")
    print(clean(task))
    await task
    print(clean(task))
    future = loop.create_future()
    print(clean(future))
    future.add_done_callback(print)
    future.add_done_callback(bool)
    future.add_done_callback(repr)
    print(clean(future))
    future.cancel()
    print(clean(future))
    future = loop.create_future()
    future.set_result("r" * 100)
    print(clean(future))
    future = loop.create_future()
    future.set_exception(ValueError("v"))
    print(clean(future), future.exception())
    handle = loop.call_soon(print, 1, "two")
    print(clean(handle))
    handle.cancel()
    print(clean(handle), handle.cancelled())
    timer = loop.call_at(12.5, print)
    print(clean(timer), timer.when())
    timer.cancel()
    print(clean(timer))


ferrio.run(main())
