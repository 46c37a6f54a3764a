import asyncio
import gc

import ferrio

loop = ferrio.new_event_loop()
loop.set_exception_handler(lambda loop, context: print(sorted(context), context["message"]))


async def wait():
    await asyncio.Future()


async def main():
    task = asyncio.ensure_future(wait())
    await asyncio.sleep(0)
    task = None
    gc.collect()


loop.run_until_complete(main())
gc.collect()
loop.close()
