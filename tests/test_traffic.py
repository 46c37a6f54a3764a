"""ferrio.stats(): the bytes of connections, datagrams and pipes."""

import asyncio
import os
import socket

import ferrio


async def no_connections():
    """Wait until all are closed."""
    while ferrio.stats().connections:
        await asyncio.sleep(0.001)


def test_connections_and_their_bytes():
    async def main():
        async def echo(reader, writer):
            writer.write(await reader.readexactly(1000))
            await reader.read()
            writer.close()

        server = await ferrio.start_server(echo, "127.0.0.1", 0)
        reader, writer = await ferrio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"x" * 1000)
        await reader.readexactly(1000)
        stats = ferrio.stats()
        # The listening socket is none.
        assert stats.connections == 2 and stats.descriptors == 3
        assert (stats.bytes_in, stats.bytes_out, stats.bytes_waiting) == (2000, 2000, 0)
        from ferrio.inspection.statistics import connections

        ours = [
            one
            for one in connections(asyncio.get_running_loop())
            if one.fd == writer.get_extra_info("socket").fileno()
        ]
        assert ours[0].peer.startswith("127.0.0.1:") and ours[0].bytes_in == 1000
        writer.close()
        await writer.wait_closed()
        server.close()
        await asyncio.sleep(0.02)
        stats = ferrio.stats()
        assert (stats.connections, stats.bytes_in, stats.bytes_out) == (0, 2000, 2000)
        assert stats.connections_total >= 2

    ferrio.run(main())


def test_bytes_that_wait():
    async def main():
        release = asyncio.Event()

        async def reads_nothing(reader, writer):
            await release.wait()
            writer.close()

        server = await ferrio.start_server(reads_nothing, "127.0.0.1", 0, limit=1)
        _, writer = await ferrio.open_connection(*server.sockets[0].getsockname())
        writer.write(bytes(50_000_000))
        await asyncio.sleep(0)
        assert 0 < ferrio.stats().bytes_waiting < 50_000_000
        writer.transport.abort()
        release.set()
        server.close()
        await asyncio.sleep(0.02)
        assert ferrio.stats().bytes_waiting == 0

    ferrio.run(main())


def test_datagrams_and_their_bytes():
    async def main():
        class Counts(asyncio.DatagramProtocol):
            def __init__(self):
                self.arrived = asyncio.Event()

            def datagram_received(self, data, address):
                self.arrived.set()

        loop = asyncio.get_running_loop()
        before = ferrio.stats()
        here, counts = await loop.create_datagram_endpoint(Counts, ("127.0.0.1", 0))
        address = here.get_extra_info("sockname")
        for fixed in (None, address):
            there, _ = await loop.create_datagram_endpoint(
                asyncio.DatagramProtocol, remote_addr=fixed, family=2
            )
            there.sendto(b"x" * 700, None if fixed else address)
            await counts.arrived.wait()
            counts.arrived.clear()
            assert ferrio.stats().connections == 2
            there.close()
            await asyncio.sleep(0)
        here.close()
        await asyncio.sleep(0)
        after = ferrio.stats()
        assert (after.bytes_in - before.bytes_in, after.bytes_out - before.bytes_out) == (1400, 1400)
        assert after.connections == 0 and after.connections_total == before.connections_total + 3

    ferrio.run(main())


def test_datagrams_that_wait():
    async def main():
        there = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        there.bind("\0" + f"ferrio-{os.getpid()}")
        mine = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        mine.connect(there.getsockname())
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, sock=mine)
        number = 0
        while not (waiting := ferrio.stats().bytes_waiting):
            transport.sendto(bytes(1000))
            number += 1
            assert number < 10_000
        assert waiting == 1000 and ferrio.stats().bytes_out == (number - 1) * 1000
        transport.abort()
        there.close()
        await asyncio.sleep(0)
        assert ferrio.stats().bytes_waiting == 0 and ferrio.stats().bytes_out == (number - 1) * 1000

    ferrio.run(main())


def test_pipes_and_their_bytes():
    async def main():
        from ferrio.inspection.statistics import connections

        loop = asyncio.get_running_loop()
        before = ferrio.stats()
        process = await asyncio.create_subprocess_exec(
            "cat", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        process.stdin.write(b"x" * 200_000)
        await process.stdout.readexactly(200_000)
        open_ = connections(loop)
        assert sorted((one.bytes_in, one.bytes_out) for one in open_) == [(0, 200_000), (200_000, 0)]
        assert all(one.fd > 2 and one.peer == "" for one in open_)
        process.stdin.close()
        await process.wait()
        await no_connections()
        after = ferrio.stats()
        assert (after.bytes_in - before.bytes_in, after.bytes_out - before.bytes_out) == (200_000, 200_000)

    ferrio.run(main())


def test_a_file_that_the_kernel_sends_counts(tmp_path):
    async def main():
        path = tmp_path / "file"
        path.write_bytes(b"x" * 300_000)

        async def reads(reader, writer):
            await reader.read()
            writer.close()

        server = await ferrio.start_server(reads, "127.0.0.1", 0)
        _, writer = await ferrio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"head")
        with path.open("rb") as file:
            await asyncio.get_running_loop().sendfile(writer.transport, file)
        assert ferrio.stats().bytes_out == 300_004
        writer.close()
        await writer.wait_closed()
        server.close()
        await no_connections()
        assert ferrio.stats().bytes_out == ferrio.stats().bytes_in == 300_004

    ferrio.run(main())
