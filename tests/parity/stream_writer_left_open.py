import asyncio
import gc
import warnings

import ferrio


async def main():
    server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.transport.pause_reading()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del reader, writer
        gc.collect()
        await asyncio.sleep(0.01)
        gc.collect()
    print(sorted({str(one.message).split("<")[0].strip() for one in caught}))
    server.close()


ferrio.run(main())
