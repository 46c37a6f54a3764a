import asyncio
import logging
import socket

import ferrio
from support.certificates import contexts


class Protocol(asyncio.Protocol):
    def __init__(self, abort_at, log):
        self.abort_at, self.log = abort_at, log
        self.lost = asyncio.get_running_loop().create_future()

    def stage(self, name):
        self.log.append(name)
        if name == self.abort_at:
            self.transport.abort()

    def connection_made(self, transport):
        self.transport = transport
        self.stage("made")
        if self.abort_at == "never":
            transport.write(b"x" * 100)
            transport.pause_reading()
        else:
            for _ in range(20):
                transport.write(b"x" * 1_000_000)

    def pause_writing(self):
        self.stage("pause")

    def data_received(self, data):
        if "data" not in self.log:
            self.stage("data")

    def connection_lost(self, error):
        self.log.append(f"lost {error}")
        self.lost.set_result(None)


seen = set()


def is_new(record):
    # How often the same is said depends on how many records the kernel takes at once.
    is_known = record.getMessage() in seen
    seen.add(record.getMessage())
    return not is_known


async def main():
    logging.getLogger("asyncio").addFilter(is_new)
    loop = asyncio.get_running_loop()
    server_context, client_context = contexts()
    for stage in ("made", "pause", "data"):
        server_log, client_log = [], []
        accepted = []

        def accept():
            accepted.append(Protocol("never", server_log))
            return accepted[-1]

        server = await loop.create_server(accept, "127.0.0.1", 0, ssl=server_context)
        transport, protocol = await loop.create_connection(
            lambda: Protocol(stage, client_log),
            *server.sockets[0].getsockname(),
            ssl=client_context,
            server_hostname="localhost",
        )
        await protocol.lost
        print(stage, [one for one in client_log if one in ("made", stage) or one.startswith("lost")])
        print(transport.is_closing(), transport.get_write_buffer_size() == 0 or stage)
        transport.abort()
        transport.close()
        server.close()
        for one in accepted:
            if one.log:
                one.transport.abort()
        await asyncio.sleep(0.05)
    # In the middle of a handshake.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        task = asyncio.create_task(
            loop.create_connection(
                asyncio.Protocol, *silent.getsockname(), ssl=client_context, server_hostname="localhost"
            )
        )
        await asyncio.sleep(0.05)
        task.cancel()
        print(await asyncio.gather(task, return_exceptions=True))


ferrio.run(main())
