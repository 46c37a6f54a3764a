import asyncio
import socket

import ferrio


class Endpoint(asyncio.DatagramProtocol):
    def __init__(self):
        self.got = asyncio.Queue()

    def connection_made(self, transport):
        self.transport = transport
        self.got.put_nowait("made")

    def datagram_received(self, data, address):
        self.got.put_nowait((data, address[0], len(address)))

    def connection_lost(self, error):
        self.got.put_nowait(f"lost {error}")


async def main():
    loop = asyncio.get_running_loop()
    make = loop.create_datagram_endpoint
    # IPv6.
    server, protocol = await make(Endpoint, local_addr=("::1", 0))
    address = server.get_extra_info("sockname")
    client, _ = await make(Endpoint, remote_addr=address[:2], family=socket.AF_INET6)
    client.sendto(b"six")
    print([await protocol.got.get() for _ in range(2)])
    client.abort()
    # A socket of one's own.
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    owned, own = await make(Endpoint, sock=sock)
    print(sock.gettimeout(), owned.get_extra_info("socket").fileno() == sock.fileno())
    sender, _ = await make(Endpoint, local_addr=("127.0.0.1", 0), allow_broadcast=True)
    print(sender.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST))
    sender.sendto(b"to the socket", sock.getsockname())
    print([await own.got.get() for _ in range(2)])
    for keywords in ({"local_addr": ("127.0.0.1", 0)}, {"family": 2}, {"reuse_port": True}, {"flags": 1}):
        try:
            await make(Endpoint, sock=sock, **keywords)
        except ValueError as error:
            print(error)
    # Several on one port.
    first, _ = await make(Endpoint, local_addr=("127.0.0.1", 0), reuse_port=True)
    second, _ = await make(Endpoint, local_addr=first.get_extra_info("sockname"), reuse_port=True)
    print(first.get_extra_info("sockname") == second.get_extra_info("sockname"))
    try:
        await make(Endpoint, local_addr=sender.get_extra_info("sockname"))
    except OSError as error:
        print(error.errno)
    # Without a host, and of no family.
    nowhere, _ = await make(Endpoint, family=socket.AF_INET)
    print(nowhere.get_extra_info("sockname"))
    try:
        await make(Endpoint, local_addr=("127.0.0.1", 0), remote_addr=("::1", 9))
    except ValueError as error:
        print(error)
    try:
        await make(Endpoint, local_addr=("127.0.0.1", 0), reuse_address=True)
    except (ValueError, TypeError) as error:
        print(type(error).__name__)
    for transport in (server, owned, sender, first, second, nowhere):
        transport.close()
        print(transport.is_closing())
        transport.close()
    await asyncio.sleep(0.01)
    print(own.got.get_nowait())


ferrio.run(main())
