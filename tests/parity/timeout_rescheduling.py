import asyncio

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(0.01) as timeout:
        timeout.reschedule(None)
        await asyncio.sleep(0.02)
        print(timeout.when(), timeout.expired())
        timeout.reschedule(loop.time() + 5)
        print(timeout.when() > loop.time() + 4)
    try:
        async with asyncio.timeout(None) as timeout:
            timeout.reschedule(loop.time() + 0.005)
            await asyncio.sleep(5)
    except TimeoutError:
        print("rescheduled", timeout.expired())
    try:
        async with asyncio.timeout_at(loop.time() - 1) as timeout:
            await asyncio.sleep(1)
    except TimeoutError:
        print("in the past", timeout.expired())
    try:
        async with asyncio.Timeout(loop.time() - 1) as timeout:
            await asyncio.sleep(1)
    except TimeoutError:
        print("made by hand", timeout.expired())
    for wrong in (lambda: timeout.reschedule(1), lambda: asyncio.timeout(1).reschedule(1)):
        try:
            wrong()
        except RuntimeError as error:
            print(error)
    try:
        async with timeout:
            pass
    except RuntimeError as error:
        print(error)
    try:
        async with asyncio.timeout(0.001) as timeout:
            try:
                await asyncio.sleep(5)
            except asyncio.CancelledError:
                timeout.reschedule(loop.time() + 5)
    except (TimeoutError, RuntimeError) as error:
        print(type(error).__name__, error)


ferrio.run(main())


async def without_a_task():
    async with asyncio.timeout(1):
        pass


try:
    without_a_task().send(None)
except RuntimeError as error:
    print(error)
