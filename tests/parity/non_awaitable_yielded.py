import asyncio

import ferrio


async def wait_for(thing):
    await thing


async def main():
    class Odd:
        def __init__(self, thing):
            self.thing = thing

        def __await__(self):
            yield self.thing

    for thing in (42, "text", object, iter(())):
        try:
            await asyncio.create_task(wait_for(Odd(thing)))
        except RuntimeError as error:
            print(str(error).split(" at 0x")[0])

    def generator():
        yield

    try:
        await asyncio.create_task(wait_for(Odd(generator())), name="g")
    except RuntimeError as error:
        print(str(error).split(" coro")[0])
    future = asyncio.get_running_loop().create_future()
    try:
        await asyncio.create_task(wait_for(Odd(future)), name="f")
    except RuntimeError as error:
        print(str(error).split(" coro")[0])


ferrio.run(main())
