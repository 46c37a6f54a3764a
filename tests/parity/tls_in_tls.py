import asyncio

import ferrio
from support.certificates import contexts


async def main():
    outer_server, outer_client = contexts("outer.test")
    inner_server, inner_client = contexts("inner.test")

    async def answer(reader, writer):
        print("outer", await reader.readline())
        writer.write(b"ready\n")
        await writer.start_tls(inner_server)
        data = await reader.readexactly(300_000)
        print("inner", len(data), set(data))
        writer.write(data[:200_000])
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=outer_server)
    reader, writer = await asyncio.open_connection(
        *server.sockets[0].getsockname(), ssl=outer_client, server_hostname="outer.test"
    )
    writer.write(b"hello\n")
    print(await reader.readline())
    await writer.start_tls(inner_client, server_hostname="inner.test")
    print(writer.get_extra_info("peercert")["subjectAltName"])
    writer.write(b"z" * 300_000)
    await writer.drain()
    print(len(await reader.read()))
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()


ferrio.run(main())
