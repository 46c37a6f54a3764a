import asyncio

import ferrio


def fresh():
    return [asyncio.Lock(), asyncio.Event(), asyncio.Semaphore(0), asyncio.Condition(), asyncio.Queue()]


async def use(lock, event, semaphore, condition, queue):
    await lock.acquire()
    tasks = [
        asyncio.create_task(call) for call in (lock.acquire(), event.wait(), semaphore.acquire(), queue.get())
    ]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    results = [task.exception() if not task.cancelled() else "cancelled" for task in tasks]
    print([str(one).split(" at ")[0] + str(one)[-40:] if one != "cancelled" else one for one in results])
    lock.release()


things = fresh()
for _ in range(2):
    ferrio.run(use(*things))
    things[0]._locked = False
