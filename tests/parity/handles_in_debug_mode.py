import asyncio
import re

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    clean = lambda thing: re.sub(r"/\S+/", "", repr(thing))
    handle = loop.call_soon(print, 1)
    print(clean(handle))
    handle.cancel()
    print(clean(handle))
    handle = loop.call_later(1000, len, "x")
    print(re.sub(r"when=[0-9.]+", "when", clean(handle)))
    handle.cancel()
    for wrong in (None, "text", main):
        for method in (loop.call_soon, loop.call_soon_threadsafe):
            try:
                method(wrong)
            except TypeError as error:
                print(re.sub(r" at 0x.*", "", str(error)))

    def other_thread():
        try:
            loop.call_soon(print)
        except RuntimeError as error:
            print(error)

    await loop.run_in_executor(None, other_thread)


ferrio.run(main())
