import asyncio

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    log = []

    def first():
        log.append("first")
        loop.call_soon(log.append, "first again")
        loop.call_later(0, log.append, "timer of first")

    loop.call_soon(first)
    loop.call_soon(log.append, "second")
    loop.call_soon_threadsafe(log.append, "third")
    now = loop.time()
    loop.call_at(now + 0.06, log.append, "later")
    loop.call_at(now + 0.05, log.append, "sooner")
    future = loop.create_future()
    for number in range(3):
        future.add_done_callback(lambda _, number=number: log.append(f"done {number}"))
    future.set_result(None)
    log.append("set")
    await asyncio.sleep(0)
    log.append("one iteration")
    await asyncio.sleep(0.1)
    print(log)


ferrio.run(main())
