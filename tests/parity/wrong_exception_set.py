import asyncio

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    for wrong in (StopIteration, StopIteration(), "text", 3, ValueError, KeyError("k")):
        future = loop.create_future()
        try:
            future.set_exception(wrong)
        except TypeError as error:
            print("TypeError", error)
        else:
            error = future.exception()
            print(repr(error), repr(error.__cause__))


ferrio.run(main())
