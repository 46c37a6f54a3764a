import asyncio

import ferrio


class Unique(asyncio.Queue):
    def _init(self, maxsize):
        print("init", maxsize)
        self._queue = {}

    def _put(self, item):
        self._queue[item] = None

    def _get(self):
        item = next(iter(self._queue))
        del self._queue[item]
        return item


class Counting(asyncio.Queue):
    puts = gets = 0

    def _put(self, item):
        self.puts += 1
        super()._put(item)

    def get_nowait(self):
        self.gets += 1
        return super().get_nowait()


class AlwaysFull(asyncio.Queue):
    def full(self):
        return True


class Closing(asyncio.PriorityQueue):
    def empty(self):
        print("asked")
        return super().empty()


async def main():
    queue = Unique(5)
    for item in (1, 2, 1, 3):
        await queue.put(item)
    print(queue.qsize(), [await queue.get() for _ in range(3)], queue.empty())
    queue = Counting()
    await queue.put(1)
    queue.put_nowait(2)
    print(await queue.get(), queue.get_nowait(), queue.puts, queue.gets)
    try:
        AlwaysFull().put_nowait(1)
    except asyncio.QueueFull:
        print("full")
    queue = Closing()
    await queue.put(3)
    await queue.put(2)
    print(await queue.get(), asyncio.Queue[int], isinstance(queue, asyncio.Queue))


ferrio.run(main())
