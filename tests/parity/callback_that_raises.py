import asyncio

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(
        lambda loop, context: print(
            sorted(context), context["message"].split(" at ")[0], repr(context["exception"])
        )
    )

    def bad():
        raise ValueError("bad")

    loop.call_soon(bad)
    loop.call_later(0, bad)
    loop.call_soon_threadsafe(bad)
    await asyncio.sleep(0.01)
    future = loop.create_future()
    future.add_done_callback(lambda _: bad())
    future.set_result(1)
    await asyncio.sleep(0)
    await asyncio.sleep(0)


ferrio.run(main())
