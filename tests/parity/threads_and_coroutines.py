import asyncio
import concurrent.futures
import contextvars
import threading

import ferrio

variable = contextvars.ContextVar("variable", default="unset")


async def work(value):
    await asyncio.sleep(0)
    if value is None:
        raise ValueError("no value")
    return value, threading.current_thread() is threading.main_thread()


async def main():
    loop = asyncio.get_running_loop()
    variable.set("set")
    print(await asyncio.to_thread(variable.get), await asyncio.to_thread(lambda *a, **k: (a, k), 1, x=2))
    try:
        await asyncio.to_thread(int, "x")
    except ValueError as error:
        print(error)

    def elsewhere():
        future = asyncio.run_coroutine_threadsafe(work("from a thread"), loop)
        print(type(future).__module__, future.result(5))
        future = asyncio.run_coroutine_threadsafe(work(None), loop)
        print(repr(future.exception(5)))
        future = asyncio.run_coroutine_threadsafe(asyncio.sleep(10), loop)
        try:
            future.result(0.01)
        except concurrent.futures.TimeoutError:
            print("timed out", future.cancel())
        try:
            asyncio.run_coroutine_threadsafe(5, loop)
        except TypeError as error:
            print(error)

    await asyncio.to_thread(elsewhere)
    future = concurrent.futures.Future()
    wrapped = asyncio.wrap_future(future)
    threading.Timer(0.005, future.set_result, ("wrapped",)).start()
    print(await wrapped, asyncio.wrap_future(wrapped) is wrapped, asyncio.isfuture(future))
    future = concurrent.futures.Future()
    wrapped = asyncio.wrap_future(future)
    wrapped.cancel()
    await asyncio.sleep(0)
    print(future.cancelled())
    try:
        asyncio.wrap_future(5)
    except AssertionError as error:
        print(error)


ferrio.run(main())
