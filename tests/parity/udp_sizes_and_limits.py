import asyncio
import sys

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    got = asyncio.Queue()

    class Receiver(asyncio.DatagramProtocol):
        def datagram_received(self, data, address):
            got.put_nowait(len(data))

    class Sender(asyncio.DatagramProtocol):
        def error_received(self, error):
            got.put_nowait(type(error).__name__)

    server, _ = await loop.create_datagram_endpoint(Receiver, local_addr=("127.0.0.1", 0))
    address = server.get_extra_info("sockname")
    connected, _ = await loop.create_datagram_endpoint(Sender, remote_addr=address)
    free, _ = await loop.create_datagram_endpoint(Sender, local_addr=("127.0.0.1", 0))
    for size in (1, 1472, 65507):
        connected.sendto(b"x" * size)
        free.sendto(memoryview(b"x" * size), address)
        print(size, await got.get(), await got.get())
    if sys.version_info >= (3, 14):
        connected.sendto(b"")
        free.sendto(b"", address)
        print(await got.get(), await got.get())
    # One that is too big.
    connected.sendto(b"x" * 65508)
    print(await got.get())
    for transport in (connected, free):
        print(transport.get_write_buffer_size(), transport.get_write_buffer_limits())
        transport.set_write_buffer_limits(1000)
        print(transport.get_write_buffer_limits())
    try:
        connected.sendto(b"x", ("127.0.0.1", 1))
    except ValueError as error:
        print(str(error).split("(")[0])
    connected.sendto(b"x", address)
    print(await got.get())
    for transport in (server, connected, free):
        transport.abort()
    await asyncio.sleep(0.01)


ferrio.run(main())
