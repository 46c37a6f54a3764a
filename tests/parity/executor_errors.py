import asyncio

import ferrio


async def main():
    loop = asyncio.get_running_loop()

    def fail():
        raise LookupError("in a thread")

    try:
        await loop.run_in_executor(None, fail)
    except LookupError as error:
        print(repr(error))
    try:
        loop.set_default_executor("no executor")
    except TypeError as error:
        print(error)
    print(await asyncio.to_thread(sum, [1, 2, 3]))
    await loop.shutdown_default_executor()
    try:
        await loop.run_in_executor(None, fail)
    except RuntimeError as error:
        print(error)


ferrio.run(main())
