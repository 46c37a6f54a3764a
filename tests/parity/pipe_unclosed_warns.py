import asyncio
import gc
import os
import warnings

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    reading, writing = os.pipe()
    reader, _ = await loop.connect_read_pipe(asyncio.Protocol, open(reading, "rb", 0))
    writer, _ = await loop.connect_write_pipe(asyncio.Protocol, open(writing, "wb", 0))
    reader.pause_reading()
    await asyncio.sleep(0)
    loop._remove_reader(writing)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        reader = writer = _ = None
        gc.collect()
    print(
        sorted(
            (str(one.message)[:18], one.category.__name__)
            for one in caught
            if "unclosed transport" in str(one.message)
        )
    )


ferrio.run(main())
