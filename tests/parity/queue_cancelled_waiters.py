import asyncio

import ferrio


async def main():
    queue = asyncio.Queue(1)
    getters = [asyncio.create_task(queue.get()) for _ in range(3)]
    await asyncio.sleep(0)
    queue.put_nowait("one")
    # It was meant for the first, which is cancelled before it runs: the next gets it.
    getters[0].cancel()
    await asyncio.sleep(0.01)
    print([(one.done(), one.cancelled()) for one in getters], len(queue._getters))
    getters[2].cancel()
    await asyncio.sleep(0)
    print(len(queue._getters), queue.empty(), getters[1].result())
    queue.put_nowait("full")
    putters = [asyncio.create_task(queue.put(n)) for n in range(3)]
    await asyncio.sleep(0)
    queue.get_nowait()
    putters[0].cancel()
    await asyncio.sleep(0.01)
    print([(one.done(), one.cancelled()) for one in putters], len(queue._putters), list(queue._queue))
    putters[2].cancel()
    await asyncio.wait(putters)
    print(str(queue))
    # A wait that times out loses nothing.
    queue = asyncio.Queue()
    for _ in range(3):
        try:
            await asyncio.wait_for(queue.get(), 0.005)
        except TimeoutError:
            print("timed out", len(queue._getters))
    queue.put_nowait("kept")
    print(await asyncio.wait_for(queue.get(), 1))


ferrio.run(main())
