import asyncio
import collections.abc
import gc
import inspect
import warnings

import ferrio


async def main():
    queue, lock, event = asyncio.Queue(), asyncio.Lock(), asyncio.Event()
    reader = asyncio.StreamReader()
    for function in (
        asyncio.sleep,
        queue.get,
        queue.put,
        lock.acquire,
        event.wait,
        reader.read,
        reader.readline,
    ):
        print(
            function.__name__,
            inspect.iscoroutinefunction(function),
            inspect.signature(function),
            function.__doc__.strip().splitlines()[0],
        )
    coroutine = queue.get()
    print(
        inspect.iscoroutine(coroutine),
        asyncio.iscoroutine(coroutine),
        inspect.isawaitable(coroutine),
        isinstance(coroutine, collections.abc.Coroutine),
        coroutine.__qualname__,
        coroutine.__name__,
        coroutine.cr_running,
        coroutine.cr_await,
    )
    print(coroutine.send(None).__class__.__name__, coroutine.cr_running)
    try:
        coroutine.throw(ValueError("thrown"))
    except ValueError as error:
        print(error, len(queue._getters))
    for again in (lambda: coroutine.send(None), lambda: coroutine.throw(ValueError)):
        try:
            again()
        except RuntimeError as error:
            print(error)
    coroutine.close()
    coroutine = lock.acquire()
    try:
        coroutine.send(5)
    except TypeError as error:
        print(error)
    try:
        coroutine.send(None)
    except StopIteration as stop:
        print(stop.value, lock.locked())
    coroutine = lock.acquire()
    coroutine.send(None)
    coroutine.close()
    print(len(lock._waiters))
    queue.put_nowait(("a", "tuple"))
    print(await queue.get())
    queue.put_nowait(StopIteration(5))
    print(repr(await queue.get()))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        queue.get()
        gc.collect()
    print([str(one.message) for one in caught])
    task = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    print("Queue.get() running at" in repr(task), len(task.get_stack()))
    task.cancel()


ferrio.run(main())
