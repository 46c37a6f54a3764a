import asyncio

import ferrio
from support.certificates import contexts


async def main():
    loop = asyncio.get_running_loop()
    server_context, client_context = contexts()
    accepted = loop.create_future()

    class Slow(asyncio.Protocol):
        def connection_made(self, transport):
            self.size = 0
            self.done = loop.create_future()
            transport.pause_reading()
            accepted.set_result((transport, self))

        def data_received(self, data):
            self.size += len(data)
            if self.size == 8_000_000:
                self.done.set_result(None)

    class Writer(asyncio.Protocol):
        log = []

        def pause_writing(self):
            self.log.append("pause")

        def resume_writing(self):
            self.log.append("resume")

    server = await loop.create_server(Slow, "127.0.0.1", 0, ssl=server_context)
    client, protocol = await loop.create_connection(
        Writer, *server.sockets[0].getsockname(), ssl=client_context, server_hostname="localhost"
    )
    client.set_write_buffer_limits(high=100_000, low=50_000)
    print(client.get_write_buffer_limits())
    transport, slow = await accepted
    client.write(b"x" * 8_000_000)
    print(protocol.log, client.get_write_buffer_size() > 100_000, transport.is_reading())
    await asyncio.sleep(0.05)
    print(protocol.log, slow.size)
    transport.resume_reading()
    await slow.done
    await asyncio.sleep(0.05)
    print(protocol.log, slow.size, client.get_write_buffer_size(), transport.is_reading())
    for high, low in ((10, 20), (-1, None), (None, -2)):
        try:
            client.set_write_buffer_limits(high=high, low=low)
        except ValueError as error:
            print(error)
    for wrong in ("text", None, 5):
        try:
            client.write(wrong)
        except TypeError as error:
            print(error)
    client.writelines([b"", b""])
    client.write(b"")
    client.close()
    transport.close()
    await asyncio.sleep(0.05)
    server.close()


ferrio.run(main())
