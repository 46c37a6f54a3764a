import asyncio

import ferrio


async def main():
    queue = asyncio.Queue()
    await queue.join()
    for item in range(3):
        queue.put_nowait(item)
    joining = asyncio.create_task(queue.join())
    await asyncio.sleep(0)
    for _ in range(3):
        print(await queue.get(), joining.done(), queue._unfinished_tasks, queue._finished.is_set())
        queue.task_done()
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    print(joining.done(), queue._finished.is_set())
    try:
        queue.task_done()
    except ValueError as error:
        print(error)
    queue.put_nowait(1)
    print(queue._finished.is_set(), str(queue))
    joining = asyncio.create_task(queue.join())
    await asyncio.sleep(0)
    joining.cancel()
    print(await asyncio.gather(joining, return_exceptions=True))


ferrio.run(main())
