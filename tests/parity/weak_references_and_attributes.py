import asyncio
import gc
import weakref

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    reference = weakref.ref(future)
    future.attribute = "kept"
    print(reference() is future, future.attribute)
    del future
    gc.collect()
    print(reference())


ferrio.run(main())
