import asyncio

import ferrio


async def main():
    coroutine = asyncio.sleep(0)
    try:
        ferrio.run(coroutine)
    except RuntimeError as error:
        print(error)
    coroutine.close()


ferrio.run(main())
