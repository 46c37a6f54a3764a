import asyncio

import ferrio


async def value(result, rounds):
    for _ in range(rounds):
        await asyncio.sleep(0)
    return result


async def main():
    print(await asyncio.gather(value("slow", 5), value("fast", 1), value("now", 0)))
    print(await asyncio.gather())
    same = value("once", 1)
    print(await asyncio.gather(same, same))
    future = asyncio.get_running_loop().create_future()
    future.set_result("future")
    task = asyncio.create_task(value("task", 2))
    outer = asyncio.gather(future, task, value("coroutine", 0))
    print(isinstance(outer, asyncio.Future), outer.done(), outer.get_loop() is asyncio.get_running_loop())
    print(await outer, outer.done(), outer.result() == await outer)
    print(await asyncio.gather(asyncio.gather(value(1, 1), value(2, 2)), value(3, 0)))
    try:
        asyncio.gather(5)
    except TypeError as error:
        print(error)
    try:
        await asyncio.gather(*[future] * 3, return_exception=True)
    except TypeError:
        print("no such keyword")


ferrio.run(main())
