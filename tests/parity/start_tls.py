import asyncio

import ferrio
from support.certificates import contexts


async def main():
    server_context, client_context = contexts()

    async def answer(reader, writer):
        print("server got", await reader.readline())
        writer.write(b"go on\n")
        await writer.start_tls(server_context)
        print("server got", await reader.readline())
        writer.write(b"secret answer\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"STARTTLS\n")
    print("client got", await reader.readline())
    await writer.start_tls(client_context, server_hostname="localhost")
    writer.write(b"secret\n")
    print("client got", await reader.read())
    writer.close()
    server.close()


ferrio.run(main())
