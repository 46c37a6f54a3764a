import asyncio

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    log = []

    class First(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport = transport

        def data_received(self, data):
            log.append(("first", data))
            self.transport.set_protocol(Second())
            self.transport.write(b"changed")

    class Second(asyncio.BufferedProtocol):
        def get_buffer(self, sizehint):
            self.buffer = bytearray(100)
            return self.buffer

        def buffer_updated(self, count):
            log.append(("second", bytes(self.buffer[:count])))

        def connection_lost(self, error):
            lost.set_result(error)

    lost = loop.create_future()
    server = await loop.create_server(First, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"one")
    print(await reader.read(100))
    writer.write(b"two")
    writer.close()
    print(await lost, log)
    server.close()
    endpoint, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
    other = asyncio.DatagramProtocol()
    endpoint.set_protocol(other)
    print(endpoint.get_protocol() is other)
    endpoint.close()


ferrio.run(main())
