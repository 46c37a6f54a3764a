import asyncio
import sys

import ferrio


async def attempt(name, call):
    try:
        print(name, await call)
    except asyncio.QueueShutDown as error:
        print(name, repr(error))


async def main():
    if sys.version_info < (3, 13):
        print(hasattr(asyncio.Queue(), "shutdown"))
        return
    queue = asyncio.Queue(2)
    queue.put_nowait(1)
    queue.put_nowait(2)
    putting = asyncio.create_task(attempt("waiting put", queue.put(3)))
    await asyncio.sleep(0)
    queue.shutdown()
    print(str(queue))
    await putting
    await attempt("put", queue.put(4))
    await attempt("get", queue.get())
    try:
        queue.put_nowait(5)
    except asyncio.QueueShutDown:
        print("put_nowait refused")
    print(queue.get_nowait())
    await attempt("get of the empty one", queue.get())
    try:
        queue.get_nowait()
    except asyncio.QueueShutDown:
        print("get_nowait refused")
    queue = asyncio.Queue()
    getting = asyncio.create_task(attempt("waiting get", queue.get()))
    await asyncio.sleep(0)
    queue.shutdown()
    await getting
    queue = asyncio.Queue()
    for item in range(3):
        queue.put_nowait(item)
    joining = asyncio.create_task(queue.join())
    await asyncio.sleep(0)
    queue.shutdown(immediate=True)
    await joining
    print(queue.qsize(), queue._unfinished_tasks)


ferrio.run(main())
