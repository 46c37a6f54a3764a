import asyncio

import ferrio


async def main():
    lock = asyncio.Lock()
    print(repr(lock).split(" at ")[0], repr(lock)[-11:])
    try:
        lock.release()
    except RuntimeError as error:
        print(error)
    print(await lock.acquire(), repr(lock)[-9:])
    waiting = [asyncio.ensure_future(lock.acquire()) for _ in range(2)]
    await asyncio.sleep(0)
    print(repr(lock)[-20:])
    for one in waiting:
        one.cancel()
    await asyncio.wait(waiting)
    print(repr(lock)[-9:])
    for make in (lambda: asyncio.Lock(loop=None), lambda: asyncio.Lock(1), lambda: asyncio.Event(1)):
        try:
            make()
        except TypeError:
            print("refused")
    try:
        with lock:
            pass
    except (TypeError, AttributeError) as error:
        print(type(error).__name__)
    lock.release()
    try:
        async with lock:
            raise ValueError("inside")
    except ValueError as error:
        print(error, lock.locked())
    async with lock as nothing:
        print(nothing)


ferrio.run(main())
