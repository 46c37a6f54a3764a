import asyncio

import ferrio


async def main():
    for kind in (asyncio.Queue, asyncio.LifoQueue, asyncio.PriorityQueue):
        queue = kind()
        for item in (3, 1, 2):
            queue.put_nowait(item)
        print(kind.__name__, queue.qsize(), queue.empty(), queue.full(), queue.maxsize)
        print([await queue.get() for _ in range(3)], queue.empty())
        queue = kind(maxsize=2)
        await queue.put(1)
        print(queue.full())
        await queue.put(2)
        try:
            queue.put_nowait(3)
        except asyncio.QueueFull as error:
            print("full", repr(error), queue.full(), queue.maxsize)
        while not queue.empty():
            queue.get_nowait()
        try:
            queue.get_nowait()
        except asyncio.QueueEmpty as error:
            print("empty", repr(error))
    for size in (0, -1):
        queue = asyncio.Queue(size)
        for item in range(100):
            queue.put_nowait(item)
        print(queue.full(), queue.qsize(), queue.maxsize)
    heap = asyncio.PriorityQueue()
    heap.put_nowait((2, "b"))
    heap.put_nowait((1, "a"))
    print(heap.get_nowait())
    try:
        heap.put_nowait("x")
    except TypeError:
        print("not comparable")


ferrio.run(main())
