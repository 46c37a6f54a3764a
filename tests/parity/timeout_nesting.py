import asyncio

import ferrio


async def main():
    log = []
    try:
        async with asyncio.timeout(10) as outer:
            try:
                async with asyncio.timeout(0.01) as inner:
                    await asyncio.sleep(5)
            except TimeoutError as error:
                log.append(("inner", repr(error), inner.expired(), outer.expired()))
            await asyncio.sleep(0)
            log.append("goes on")
    except TimeoutError:
        log.append("wrong")
    print(log)
    log.clear()
    try:
        async with asyncio.timeout(0.01) as outer:
            try:
                async with asyncio.timeout(10) as inner:
                    await asyncio.sleep(5)
            except TimeoutError:
                log.append("wrong")
            except asyncio.CancelledError:
                log.append(("passes through", inner.expired(), outer.expired()))
                raise
    except TimeoutError as error:
        log.append(("outer", repr(error), type(error.__cause__).__name__, outer.expired()))
    print(log, asyncio.current_task().cancelling())
    async with asyncio.timeout(None) as never:
        print(never.when(), never.expired())
    async with asyncio.timeout(0.5) as unused:
        pass
    print(unused.expired(), repr(unused))
    try:
        async with asyncio.timeout(0):
            await asyncio.sleep(0)
            print("not reached")
    except TimeoutError:
        print("at once")
    try:
        async with asyncio.timeout(5):
            raise ValueError("inside")
    except ValueError as error:
        print(error, error.__cause__)


ferrio.run(main())
