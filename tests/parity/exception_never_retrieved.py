import asyncio
import gc

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: print(context["message"], repr(context["exception"])))
    future = loop.create_future()
    future.set_exception(ValueError("nobody asks"))
    del future

    async def fail():
        raise KeyError("nobody awaits")

    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del task
    gc.collect()
    print("done")


ferrio.run(main())
