import asyncio
import sys

import ferrio


async def work(name, delay):
    await asyncio.sleep(delay)
    if name == "bad":
        raise ValueError(name)
    return name


async def main():
    if sys.version_info < (3, 13):
        print(hasattr(asyncio.as_completed([]), "__aiter__"))
        return
    tasks = [asyncio.create_task(work(n, d)) for n, d in (("slow", 0.3), ("fast", 0.001), ("bad", 0.1))]
    async for task in asyncio.as_completed(tasks):
        print(task in tasks, task.done(), task.exception() or task.result())
    async for task in asyncio.as_completed([work("coroutine", 0)]):
        print(await task)
    try:
        async for task in asyncio.as_completed([work("a", 0.001), work("late", 10)], timeout=0.5):
            print(await task)
    except TimeoutError as error:
        print(repr(error))
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


ferrio.run(main())
