import asyncio
import contextvars
import sys

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    context = contextvars.copy_context()
    future = loop.create_future()
    task = loop.create_task(asyncio.sleep(0), context=context)
    handle = loop.call_soon(int, context=context)
    timer = loop.call_later(1000, int, context=context)
    print(future.get_loop() is loop, task.get_loop() is loop)
    if sys.version_info >= (3, 12):
        print(task.get_context() is context, handle.get_context() is context, timer.get_context() is context)
        print(type(loop.call_soon(int).get_context()), type(loop.create_task(asyncio.sleep(0)).get_context()))
    timer.cancel()
    await task


ferrio.run(main())
