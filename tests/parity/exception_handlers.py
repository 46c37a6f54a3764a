import asyncio

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    print(loop.get_exception_handler(), loop.get_debug())
    loop.set_exception_handler(lambda loop, context: print("handler", context))
    print(loop.get_exception_handler() is not None)
    loop.call_exception_handler({"message": "by hand"})

    def bad(loop, context):
        raise ValueError("handler fails")

    loop.set_exception_handler(bad)
    loop.call_exception_handler({"message": "again"})
    loop.set_exception_handler(None)
    loop.call_exception_handler({"message": "default", "extra": 1})
    loop.default_exception_handler({"exception": KeyError("k")})
    try:
        loop.set_exception_handler("text")
    except TypeError as error:
        print(error)


ferrio.run(main())
