import asyncio

import ferrio


class Protocol(asyncio.StreamReaderProtocol):
    def data_received(self, data):
        log.append(data)
        super().data_received(data.upper())

    def connection_lost(self, error):
        log.append(("lost", error))
        super().connection_lost(error)


class Reader(asyncio.StreamReader):
    def feed_data(self, data):
        super().feed_data(data + b"!")

    async def readline(self):
        return b"line: " + await super().readline()


log = []


async def main():
    loop = asyncio.get_running_loop()
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    reader = Reader(loop=loop)
    transport, protocol = await loop.create_connection(
        lambda: Protocol(reader, loop=loop), *server.sockets[0].getsockname()
    )
    writer = asyncio.StreamWriter(transport, protocol, reader, loop)
    writer.write(b"hello\n")
    print(await reader.readline(), await reader.read())
    writer.close()
    await writer.wait_closed()
    print(log, isinstance(protocol, asyncio.StreamReaderProtocol), isinstance(reader, asyncio.StreamReader))
    server.close()


async def answer(reader, writer):
    writer.write(await reader.readline())
    writer.close()


ferrio.run(main())
