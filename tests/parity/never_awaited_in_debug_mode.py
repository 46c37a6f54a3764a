"""In debug mode, "never awaited" says where the coroutine was created."""

import asyncio
import gc
import sys
import warnings

import ferrio


def show(message, category, filename, lineno, file=None, line=None):
    print(category.__name__, f"line {lineno}")
    lines = str(message).splitlines()
    for number, text in enumerate(lines):
        if "File" not in text and not text.startswith("   "):
            print("  ", text)
        elif __file__ in text and "in created" in text:
            print("  ", text.partition(", ")[2], "|", lines[number + 1].strip())


warnings.showwarning = show
queue, lock, event, semaphore = None, None, None, None


def created(number):
    loop = asyncio.get_running_loop()
    match number:
        case 0:
            asyncio.sleep(1)
        case 1:
            queue.get()
        case 2:
            lock.acquire()
        case 3:
            event.wait()
        case 4:
            semaphore.acquire()
        case 5:
            asyncio.wait([])
        case 6:
            loop.sock_recv(None, 1)
        case 7:
            loop.create_connection(None)
        case 8:
            loop.shutdown_asyncgens()
        case 9:
            asyncio.StreamReader().read()


async def main():
    # On a busy machine, it would be reported.
    asyncio.get_running_loop().slow_callback_duration = 60
    global queue, lock, event, semaphore
    queue, lock, event, semaphore = asyncio.Queue(), asyncio.Lock(), asyncio.Event(), asyncio.Semaphore(0)
    for number in range(10):
        created(number)
        gc.collect()
    coroutine = asyncio.sleep(1)
    print(len(coroutine.cr_origin) > 1, coroutine.cr_origin[0][2], coroutine.cr_origin[0][0] == __file__)
    coroutine.close()
    # They run as ever.
    print(await asyncio.sleep(0, "result"))
    queue.put_nowait("item")
    print(await queue.get())
    coroutine = queue.get()
    try:
        coroutine.send("too early")
    except TypeError as error:
        print(error)
    coroutine.close()
    coroutine = lock.acquire()
    try:
        coroutine.throw(ValueError("thrown"))
    except ValueError as error:
        print(repr(error))
    # It is known after the first step, too.
    coroutine = queue.get()
    coroutine.send(None)
    print(coroutine.cr_origin[0][2], coroutine.cr_origin[0][0] == __file__)
    coroutine.close()
    sys.set_coroutine_origin_tracking_depth(0)
    coroutine = asyncio.sleep(1)
    print(coroutine.cr_origin)
    coroutine.close()


async def without():
    coroutine = asyncio.sleep(1)
    print(coroutine.cr_origin)
    del coroutine
    gc.collect()


ferrio.run(main(), debug=True)
ferrio.run(without(), debug=False)
