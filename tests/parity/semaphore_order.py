import asyncio

import ferrio


async def main():
    semaphore = asyncio.Semaphore(2)
    order = []

    async def worker(name):
        async with semaphore:
            order.append(f"+{name}")
            await asyncio.sleep(0)
            order.append(f"-{name}")

    await asyncio.gather(*[worker(n) for n in range(6)])
    print(order, semaphore._value, semaphore.locked())
    print(repr(semaphore)[-19:])
    await semaphore.acquire()
    await semaphore.acquire()
    print(repr(semaphore)[-8:], semaphore.locked())
    waiting = [asyncio.create_task(semaphore.acquire()) for _ in range(3)]
    await asyncio.sleep(0)
    print(repr(semaphore)[-19:])
    semaphore.release()
    semaphore.release()
    print(semaphore._value, semaphore.locked())
    await asyncio.sleep(0)
    print([one.done() for one in waiting])
    semaphore.release()
    await asyncio.wait(waiting)
    print(semaphore._value)
    for wrong in (-1, -10):
        try:
            asyncio.Semaphore(wrong)
        except ValueError as error:
            print(error)


ferrio.run(main())
