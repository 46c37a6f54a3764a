import asyncio
import os
import tempfile

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    reading, writing = os.pipe()
    reader = asyncio.StreamReader()
    read_transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb")
    )
    write_transport, _ = await loop.connect_write_pipe(asyncio.Protocol, os.fdopen(writing, "wb"))
    print(
        isinstance(read_transport, asyncio.ReadTransport), isinstance(write_transport, asyncio.WriteTransport)
    )
    write_transport.write(b"line\n")
    print(await reader.readline())
    write_transport.writelines([b"a", b"b"])
    write_transport.close()
    print(await reader.read(), write_transport.is_closing())
    reading, writing = os.pipe()
    lost = loop.create_future()

    class Writer(asyncio.Protocol):
        def connection_lost(self, error):
            lost.set_result(error)

    transport, _ = await loop.connect_write_pipe(Writer, os.fdopen(writing, "wb"))
    os.close(reading)
    print(repr(await lost))
    with tempfile.TemporaryFile() as file:
        for connect in (loop.connect_read_pipe, loop.connect_write_pipe):
            try:
                await connect(asyncio.Protocol, file)
            except ValueError as error:
                print(error)


ferrio.run(main())
