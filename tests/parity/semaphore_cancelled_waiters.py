import asyncio

import ferrio


async def main():
    semaphore = asyncio.Semaphore(0)
    log = []

    async def worker(name):
        try:
            await semaphore.acquire()
            log.append(name)
        except asyncio.CancelledError:
            log.append(f"{name} cancelled")
            raise

    tasks = [asyncio.create_task(worker(n)) for n in range(4)]
    await asyncio.sleep(0)
    semaphore.release()
    # It was handed to the first, which is cancelled before it runs.
    tasks[0].cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    print(log, semaphore._value)
    tasks[2].cancel()
    await asyncio.sleep(0)
    semaphore.release()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    print(log, semaphore._value, semaphore.locked())
    for task in tasks:
        task.cancel()
    print(await asyncio.gather(*tasks, return_exceptions=True))


ferrio.run(main())
