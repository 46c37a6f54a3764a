import asyncio

import ferrio
from support.certificates import contexts


async def main():
    loop = asyncio.get_running_loop()
    server_context, client_context = contexts()
    server_context.set_alpn_protocols(["h2", "http/1.1"])
    client_context.set_alpn_protocols(["http/1.1"])
    names = []
    server_context.sni_callback = lambda ssl_object, name, context: names.append(name)
    made = loop.create_future()

    class Server(asyncio.Protocol):
        def connection_made(self, transport):
            made.set_result(transport)

    server = await loop.create_server(Server, "127.0.0.1", 0, ssl=server_context)
    client, _ = await loop.create_connection(
        asyncio.Protocol, *server.sockets[0].getsockname(), ssl=client_context, server_hostname="localhost"
    )
    accepted = await made
    for transport in (client, accepted):
        ssl_object = transport.get_extra_info("ssl_object")
        print(ssl_object.version(), ssl_object.selected_alpn_protocol(), ssl_object.server_side)
        print(transport.get_extra_info("cipher")[1], transport.get_extra_info("compression"))
        print((transport.get_extra_info("peercert") or {}).get("subjectAltName"))
        print(transport.get_extra_info("sslcontext") in (server_context, client_context))
        print(type(transport.get_extra_info("socket")).__name__, transport.get_extra_info("nothing", 3))
        print(isinstance(transport, asyncio.Transport), transport.get_protocol().__class__.__name__)
        print(transport.get_write_buffer_limits(), transport.get_write_buffer_size(), transport.is_reading())
    print(names, accepted.get_extra_info("peername") == client.get_extra_info("sockname"))
    client.abort()
    accepted.abort()
    await asyncio.sleep(0.02)
    server.close()


ferrio.run(main())
