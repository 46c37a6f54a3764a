import asyncio

import ferrio


class Counting(asyncio.Lock):
    def __init__(self):
        super().__init__()
        self.count = 0

    async def acquire(self):
        self.count += 1
        return await super().acquire()

    def release(self):
        self.count += 10
        super().release()


class Loud(asyncio.Semaphore):
    def locked(self):
        print("asked")
        return super().locked()


async def main():
    lock = Counting()
    async with lock:
        print(lock.count, lock.locked())
    print(lock.count, isinstance(lock, asyncio.Lock), repr(lock).split(" ")[0][-9:])
    semaphore = Loud(1)
    async with semaphore:
        print(semaphore._value)
    print(semaphore._value, type(semaphore).__mro__[0].__name__)


ferrio.run(main())
