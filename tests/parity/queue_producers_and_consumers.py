import asyncio

import ferrio


async def main():
    queue = asyncio.Queue(3)
    log = []

    async def producer(name, count):
        for number in range(count):
            await queue.put((name, number))
            if number % 2:
                await asyncio.sleep(0)

    async def consumer(name):
        while True:
            item = await queue.get()
            log.append((name, *item))
            if item[1] % 3 == 0:
                await asyncio.sleep(0)
            queue.task_done()

    consumers = [asyncio.create_task(consumer(n)) for n in range(3)]
    await asyncio.gather(*[producer(n, 6) for n in "ab"])
    await queue.join()
    for one in consumers:
        one.cancel()
    await asyncio.gather(*consumers, return_exceptions=True)
    print(log)


ferrio.run(main())
