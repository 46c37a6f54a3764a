import asyncio
import logging
import sys
import threading

import ferrio

logging.basicConfig(stream=sys.stdout, format="%(levelname)s %(message).40s")


async def main():
    loop = asyncio.get_running_loop()
    print(loop.get_debug(), loop.slow_callback_duration)
    refused = []

    def elsewhere():
        for call in (
            lambda: loop.call_soon(print),
            lambda: loop.call_later(0, print),
            lambda: loop.call_at(0, print),
        ):
            try:
                call()
            except RuntimeError as error:
                refused.append(str(error))
        loop.call_soon_threadsafe(refused.append, "safe")

    thread = threading.Thread(target=elsewhere)
    thread.start()
    await asyncio.to_thread(thread.join)
    await asyncio.sleep(0)
    print(refused)
    handle = loop.call_soon(print, "called")
    print("created at" in repr(handle), __file__.rsplit("/")[-1] in repr(handle))
    future = loop.create_future()
    print("created at" in repr(future))
    task = asyncio.create_task(asyncio.sleep(0), name="named")
    print(task._source_traceback[-1].name, "created at" in repr(task))
    await task
    for wrong in (None, main, 5):
        try:
            loop.call_soon(wrong)
        except TypeError as error:
            print(str(error).split("<")[0])
    coroutine = asyncio.sleep(0)
    try:
        loop.call_soon(coroutine)
    except TypeError as error:
        print(str(error).split("<")[0])
    await coroutine


ferrio.run(main(), debug=True)
