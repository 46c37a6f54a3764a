import asyncio

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    log = asyncio.Queue()

    class Endpoint(asyncio.DatagramProtocol):
        def datagram_received(self, data, address):
            log.put_nowait((len(data), data[:10], address[0]))

        def error_received(self, error):
            log.put_nowait(type(error).__name__)

        def connection_lost(self, error):
            log.put_nowait(f"lost {error}")

    server, _ = await loop.create_datagram_endpoint(Endpoint, local_addr=("127.0.0.1", 0))
    address = server.get_extra_info("sockname")
    client, _ = await loop.create_datagram_endpoint(Endpoint, remote_addr=address)
    print(client.get_extra_info("peername") == address)
    for data in (b"small", bytearray(b"array"), b"x" * 60000):
        client.sendto(data)
        print(await log.get())
    for wrong in ("text", None):
        try:
            client.sendto(wrong)
        except TypeError as error:
            print(error)
    try:
        client.sendto(b"", ("127.0.0.1", 1))
        client.sendto(b"x", ("127.0.0.1", 1))
    except ValueError as error:
        print(str(error).split("(")[0])
    server.close()
    print(await log.get())
    client.sendto(b"to nobody")
    print(await log.get())
    client.close()
    print(await log.get())
    for arguments in ({}, {"local_addr": "text"}, {"family": 1, "local_addr": ("127.0.0.1", 0)}):
        try:
            await loop.create_datagram_endpoint(Endpoint, **arguments)
        except Exception as error:
            print(type(error).__name__, error)


ferrio.run(main())
