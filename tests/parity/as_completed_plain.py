import asyncio

import ferrio


async def work(name, delay):
    await asyncio.sleep(delay)
    if name == "bad":
        raise ValueError(name)
    return name


async def main():
    for one in asyncio.as_completed([work("slow", 0.3), work("fast", 0.001), work("bad", 0.1)]):
        try:
            print(await one)
        except ValueError as error:
            print("failed", error)
    print(list(asyncio.as_completed([])))
    try:
        for one in asyncio.as_completed([work("a", 0.001), work("late", 10)], timeout=0.5):
            print(await one)
    except TimeoutError as error:
        print(repr(error))
    same = work("same", 0.001)
    print([await one for one in asyncio.as_completed([same, same])])
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


ferrio.run(main())
