import asyncio
import gc

import ferrio

for kind in (SystemExit, KeyboardInterrupt):

    async def leave():
        await asyncio.sleep(0)
        raise kind("from a task")

    async def main():
        task = asyncio.create_task(leave())
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            print("main cancelled", task.done())
            raise

    try:
        ferrio.run(main())
    except BaseException as error:
        print(repr(error))
    # one report after the other
    error = None
    gc.collect()
