import asyncio

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    class Buffered(asyncio.BufferedProtocol):
        def __init__(self):
            self.buffer = bytearray(5)
            self.got = bytearray()

        def get_buffer(self, sizehint):
            return self.buffer

        def buffer_updated(self, count):
            self.got += self.buffer[:count]

        def eof_received(self):
            done.set_result(bytes(self.got))

    server = await loop.create_server(Buffered, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.writelines([b"hello, ", bytearray(b"buffered "), memoryview(b"world")])
    writer.write_eof()
    print(await done)
    writer.close()
    server.close()


ferrio.run(main())
