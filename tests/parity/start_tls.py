import asyncio
import ssl

import ferrio
import trustme


async def main():
    authority = trustme.CA()
    server_context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(server_context)
    client_context = ssl.create_default_context()
    authority.configure_trust(client_context)

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
