import asyncio

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    log = []
    timers = [loop.call_later(0.005, log.append, number) for number in range(300)]
    for timer in timers[::2]:
        timer.cancel()
    timers[0].cancel()
    await asyncio.sleep(0.02)
    print(len(log), log == list(range(1, 300, 2)), timers[1].cancelled(), timers[0].cancelled())
    timers[1].cancel()
    for wrong in (
        lambda: loop.call_later(None, print),
        lambda: loop.call_at(None, print),
        lambda: loop.call_later("text", print),
    ):
        try:
            wrong()
        except TypeError:
            print("TypeError")
    first, second = loop.call_at(1, print), loop.call_at(2, print)
    print(first < second, first == first, first != second, hash(first) == hash(1.0))


ferrio.run(main())
