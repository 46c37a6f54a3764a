import asyncio
import socket

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    listener = socket.create_server(("127.0.0.1", 0))
    one, other = socket.socketpair()
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for debug in (True, False):
        loop.set_debug(debug)
        for name, call in (
            ("sock_recv", lambda: loop.sock_recv(one, 1)),
            ("sock_recv_into", lambda: loop.sock_recv_into(one, bytearray(1))),
            ("sock_recvfrom", lambda: loop.sock_recvfrom(datagrams, 1)),
            ("sock_recvfrom_into", lambda: loop.sock_recvfrom_into(datagrams, bytearray(1))),
            ("sock_sendall", lambda: loop.sock_sendall(one, b"x")),
            ("sock_sendto", lambda: loop.sock_sendto(datagrams, b"x", ("127.0.0.1", 9))),
            ("sock_connect", lambda: loop.sock_connect(datagrams, ("127.0.0.1", 9))),
            ("sock_accept", lambda: loop.sock_accept(listener)),
        ):
            if not debug and name not in ("sock_sendall", "sock_sendto"):
                continue
            try:
                print(name, await call())
            except ValueError as error:
                print(name, error)
    for sock in (listener, one, other, datagrams):
        sock.close()


ferrio.run(main())
