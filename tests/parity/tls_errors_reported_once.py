import asyncio
import logging
import ssl

import ferrio
from support.certificates import contexts


async def main():
    loop = asyncio.get_running_loop()
    server_context, client_context = contexts()
    reports = []
    loop.set_exception_handler(lambda loop, context: reports.append(context))
    server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0, ssl=server_context)
    address = server.sockets[0].getsockname()
    # A client that does not speak TLS.
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    await reader.read()
    writer.close()
    # One that does not trust the server.
    try:
        await asyncio.open_connection(*address, ssl=ssl.create_default_context(), server_hostname="localhost")
    except ssl.SSLCertVerificationError as error:
        print(error.verify_message)
    # One that wants another name.
    try:
        await asyncio.open_connection(*address, ssl=client_context, server_hostname="elsewhere")
    except ssl.SSLCertVerificationError as error:
        print(error.verify_message)
    # One that goes away in the middle.
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"\x16\x03\x01")
    writer.close()
    await asyncio.sleep(0.1)
    for context in reports:
        print(context["message"], type(context["exception"]).__name__, "transport" in context)
    server.close()


logging.getLogger("asyncio").setLevel(logging.CRITICAL)
ferrio.run(main())
