import asyncio

import ferrio


async def main():
    queue = asyncio.Queue(1)
    log = []

    async def getter(name):
        log.append((name, await queue.get()))

    async def putter(item):
        await queue.put(item)
        log.append(("put", item))

    getters = [asyncio.create_task(getter(n)) for n in "abc"]
    await asyncio.sleep(0)
    print(repr(queue).split(" at ")[0], str(queue), len(queue._getters))
    putters = [asyncio.create_task(putter(n)) for n in range(5)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    print(log, str(queue))
    await asyncio.gather(*getters)
    print(log, str(queue))
    print(await queue.get(), await queue.get(), log[-2:])
    await asyncio.gather(*putters)
    print(log, str(queue), queue._unfinished_tasks)


ferrio.run(main())
