import asyncio

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    other = ferrio.new_event_loop()
    for one in (loop, other):
        coroutine = asyncio.sleep(0)
        try:
            one.run_until_complete(coroutine)
        except RuntimeError as error:
            print(error)
        coroutine.close()
    other.close()
    try:
        loop.close()
    except RuntimeError as error:
        print(error)


ferrio.run(main())
