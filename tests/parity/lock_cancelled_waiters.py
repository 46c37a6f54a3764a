import asyncio

import ferrio


async def main():
    lock = asyncio.Lock()
    log = []

    async def worker(name):
        try:
            async with lock:
                log.append(name)
        except asyncio.CancelledError:
            log.append(f"{name} cancelled")
            raise

    await lock.acquire()
    tasks = [asyncio.create_task(worker(n)) for n in range(5)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    tasks[2].cancel()
    await asyncio.sleep(0)
    print(log, len(lock._waiters))
    lock.release()
    # The one that is woken is cancelled before it runs: the next gets the lock.
    tasks[1].cancel()
    print(await asyncio.gather(*tasks, return_exceptions=True))
    print(log, lock.locked())
    # Cancelled while nobody holds it.
    await lock.acquire()
    waiting = asyncio.create_task(lock.acquire())
    await asyncio.sleep(0)
    waiting.cancel()
    lock.release()
    print(await asyncio.gather(waiting, return_exceptions=True), lock.locked(), await lock.acquire())


ferrio.run(main())
