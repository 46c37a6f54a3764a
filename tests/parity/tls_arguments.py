import asyncio
import socket
import ssl

import ferrio
from support.certificates import contexts


async def attempt(name, call):
    try:
        await call
    except Exception as error:
        print(name, type(error).__name__, error)
    else:
        print(name, "accepted")


async def main():
    loop = asyncio.get_running_loop()
    server_context, client_context = contexts()
    one, other = socket.socketpair()
    connect = loop.create_connection
    await attempt("name without tls", connect(asyncio.Protocol, "127.0.0.1", 1, server_hostname="x"))
    await attempt("socket without name", connect(asyncio.Protocol, sock=one, ssl=client_context))
    await attempt("address and socket", connect(asyncio.Protocol, "127.0.0.1", 1, sock=one))
    await attempt("nothing", connect(asyncio.Protocol))
    other.close()
    one.close()
    one, other = socket.socketpair()
    await attempt("server with True", loop.create_server(asyncio.Protocol, "127.0.0.1", 0, ssl=True))
    await attempt(
        "unix without name", loop.create_unix_connection(asyncio.Protocol, "/none", ssl=client_context)
    )
    transport, protocol = await loop.create_unix_connection(asyncio.Protocol, sock=one)
    await attempt("start_tls without context", loop.start_tls(transport, protocol, None))
    await attempt("start_tls with True", loop.start_tls(transport, protocol, True))
    await attempt("start_tls of no transport", loop.start_tls(object(), protocol, client_context))
    await attempt("wrong protocol", loop.start_tls(transport, protocol, ssl.SSLContext, server_side=1))
    transport.close()
    other.close()
    accept = loop.connect_accepted_socket
    one, other = socket.socketpair()
    await attempt("handshake time without tls", accept(asyncio.Protocol, one, ssl_handshake_timeout=1))
    await attempt("shutdown time without tls", accept(asyncio.Protocol, one, ssl_shutdown_timeout=1))
    wrapped = client_context.wrap_socket(other, do_handshake_on_connect=False, server_hostname="x")
    await attempt("wrapped socket", connect(asyncio.Protocol, sock=wrapped))
    await attempt("wrapped socket, low level", loop.sock_recv(wrapped, 1))
    wrapped.close()
    one.close()


ferrio.run(main())
