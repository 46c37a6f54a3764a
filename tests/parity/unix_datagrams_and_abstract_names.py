import asyncio
import os
import socket
import tempfile

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    got = asyncio.Queue()

    class Endpoint(asyncio.DatagramProtocol):
        def datagram_received(self, data, address):
            got.put_nowait((data, bool(address)))

    with tempfile.TemporaryDirectory() as folder:
        path, other = os.path.join(folder, "a"), os.path.join(folder, "b")
        server, _ = await loop.create_datagram_endpoint(Endpoint, local_addr=path, family=socket.AF_UNIX)
        client, _ = await loop.create_datagram_endpoint(
            Endpoint, local_addr=other, remote_addr=path, family=socket.AF_UNIX
        )
        client.sendto(b"by path")
        print(await got.get())
        server.sendto(b"back", other)
        print(await got.get())
        server.close()
        client.close()
        await asyncio.sleep(0)
        # A socket that is left over is taken away; a file is not.
        again, _ = await loop.create_datagram_endpoint(Endpoint, local_addr=path, family=socket.AF_UNIX)
        again.close()
        for wrong in (7, b"bytes"):
            try:
                await loop.create_datagram_endpoint(Endpoint, local_addr=wrong, family=socket.AF_UNIX)
            except TypeError as error:
                print(error)
    name = f"\0ferrio-parity-{os.getpid()}"

    async def answer(reader, writer):
        writer.write(await reader.readline())
        writer.close()

    server = await asyncio.start_unix_server(answer, name)
    reader, writer = await asyncio.open_unix_connection(name)
    writer.write(b"abstract\n")
    print(await reader.read(), server.sockets[0].getsockname()[:8])
    writer.close()
    try:
        await asyncio.start_unix_server(answer, name)
    except OSError as error:
        print(error.errno, str(error).split("'")[0])
    server.close()
    await server.wait_closed()


ferrio.run(main())
