import asyncio
import os

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    reading, writing = os.pipe()
    lost = loop.create_future()

    class Writer(asyncio.Protocol):
        log = []

        def pause_writing(self):
            self.log.append("pause")

        def resume_writing(self):
            self.log.append("resume")

        def connection_lost(self, error):
            lost.set_result(error)

    writer, protocol = await loop.connect_write_pipe(Writer, open(writing, "wb", 0))
    print(writer.get_write_buffer_limits())
    writer.set_write_buffer_limits(high=1000)
    print(writer.get_write_buffer_limits())
    writer.write(b"x" * 300_000)
    print(protocol.log, writer.get_write_buffer_size() > 0)
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), open(reading, "rb", 0)
    )
    print(transport.is_reading())
    transport.pause_reading()
    transport.pause_reading()
    print(transport.is_reading())
    transport.resume_reading()
    print(len(await reader.readexactly(300_000)))
    await asyncio.sleep(0.01)
    print(protocol.log, writer.get_write_buffer_size())
    writer.write(b"last")
    writer.write_eof()
    writer.write_eof()
    print(await reader.read(), repr(await lost))
    # A reader that goes away while there is something to write.
    reading, writing = os.pipe()
    lost = loop.create_future()
    writer, protocol = await loop.connect_write_pipe(Writer, open(writing, "wb", 0))
    writer.write(b"x" * 300_000)
    os.close(reading)
    print(repr(await lost), writer.is_closing(), writer.get_write_buffer_size())
    writer.write(b"more")


ferrio.run(main())
