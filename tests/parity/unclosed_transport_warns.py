import asyncio
import gc
import warnings

import ferrio


async def main():
    warnings.simplefilter("always")
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(asyncio.Protocol, *server.sockets[0].getsockname())
    transport.pause_reading()
    await asyncio.sleep(0)
    with warnings.catch_warnings(record=True) as caught:
        transport = _ = None
        gc.collect()
    print(
        [(str(one.message)[:18], one.category.__name__) for one in caught if "transport" in str(one.message)]
    )
    server.close()


ferrio.run(main())
