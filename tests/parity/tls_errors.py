import asyncio
import ssl

import ferrio
import trustme


async def main():
    authority, other = trustme.CA(), trustme.CA()
    server_context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(server_context)
    trusting, mistrusting = ssl.create_default_context(), ssl.create_default_context()
    authority.configure_trust(trusting)
    other.configure_trust(mistrusting)

    async def answer(reader, writer):
        writer.write(await reader.readline())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=server_context)
    address = server.sockets[0].getsockname()
    reader, writer = await asyncio.open_connection(*address, ssl=trusting, server_hostname="localhost")
    writer.write(b"secret\n")
    print(
        await reader.read(),
        writer.get_extra_info("cipher") is not None,
        writer.get_extra_info("peercert")["subjectAltName"],
    )
    writer.close()
    for context, name in ((mistrusting, "localhost"), (trusting, "elsewhere")):
        try:
            await asyncio.open_connection(*address, ssl=context, server_hostname=name)
        except ssl.SSLCertVerificationError as error:
            print(error.verify_message)
    server.close()


ferrio.run(main())
