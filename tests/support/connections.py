"""A server with one connection: a protocol on each side that writes down what happens."""

import asyncio

from support.clock import closed, turns


class Recorder(asyncio.Protocol):
    """Writes down what happens."""

    def __init__(self):
        self.log = []
        self.data = bytearray()
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.transport = transport
        self.log.append("made")

    def data_received(self, data):
        self.log.append("data")
        self.data += data

    def eof_received(self):
        self.log.append("eof")

    def connection_lost(self, error):
        self.log.append("lost")
        self.lost.set_result(error)


async def connected(server_factory=Recorder, client_factory=Recorder):
    """Return a server, the server's protocols, and a client's transport and protocol."""
    loop = asyncio.get_running_loop()
    protocols = []

    def make():
        protocols.append(server_factory())
        return protocols[-1]

    server = await loop.create_server(make, "127.0.0.1", 0)
    transport, protocol = await loop.create_connection(client_factory, *server.sockets[0].getsockname())
    while not protocols or not hasattr(protocols[0], "transport"):
        await asyncio.sleep(0)
    return server, protocols, transport, protocol


async def finish(server, *transports):
    """Close everything and wait for it."""
    for transport in transports:
        transport.abort()
    await closed(server)
    await turns()
