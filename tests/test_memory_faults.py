"""ferrio.testing's network in memory: datagrams, Unix sockets, and what goes wrong on the way."""

import asyncio
import errno
import functools
import socket
import sys

import pytest
from ferrio import testing
from support.certificates import contexts
from support.simulations import cancelled_connections, echo  # noqa: F401

in_memory = functools.partial(testing.run, network="memory")


class Collector(asyncio.DatagramProtocol):
    """Keeps what arrives."""

    def __init__(self):
        self.got, self.errors, self.lost = [], [], []

    def datagram_received(self, data, addr):
        self.got.append((data, addr))

    def error_received(self, exc):
        self.errors.append(exc)

    def connection_lost(self, exc):
        self.lost.append(exc)


async def endpoint(host, **options):
    loop = asyncio.get_running_loop()
    with testing.network().host(host).active():
        return await loop.create_datagram_endpoint(Collector, **options)


def test_datagrams_reach_their_port_in_virtual_time():
    async def main():
        net, loop = testing.network(), asyncio.get_running_loop()
        net.latency = 0.5
        server, received = await endpoint("server", local_addr=("0.0.0.0", 53))
        client, answers = await endpoint("client", remote_addr=("server", 53))
        start = loop.time()
        client.sendto(b"question")
        client.sendto(bytearray(b""))
        await asyncio.sleep(1)
        data, address = received.got[0]
        assert (data, address[0]) == (b"question", net.host("client").address)
        assert len(received.got) == (2 if sys.version_info >= (3, 13) else 1)
        server.sendto(b"answer", address)
        # From another port: a connected socket does not hear it.
        other, _ = await endpoint("server", local_addr=("server", 54))
        other.sendto(b"forged", address)
        await asyncio.sleep(1)
        assert answers.got == [(b"answer", (net.host("server").address, 53))] and loop.time() == start + 2
        assert client.get_extra_info("peername") == (net.host("server").address, 53)
        assert client.get_extra_info("socket").type == socket.SOCK_DGRAM
        for bad, error in (("text", TypeError), (None, TypeError), (5, TypeError)):
            with pytest.raises(error):
                client.sendto(bad)
        with pytest.raises(ValueError, match="Invalid address"):
            client.sendto(b"x", ("server", 54))
        for transport in (server, client, other):
            transport.close()
            transport.close()
            transport.sendto(b"ignored", ("server", 53)) if transport is not client else None
            assert transport.is_closing()
        await asyncio.sleep(1)
        assert received.lost == answers.lost == [None] and not received.errors

    for seed in (None, 1, 2):
        in_memory(main(), seed=seed)


def test_datagrams_are_lost_doubled_and_overtaken():
    async def main():
        net = testing.network()
        _, received = await endpoint("server", local_addr=("0.0.0.0", 53))
        client, _ = await endpoint("client", local_addr=("0.0.0.0", 0))

        async def send():
            received.got.clear()
            for number in range(500):
                client.sendto(b"%d" % number, ("server", 53))
            await asyncio.sleep(10)
            return [int(data) for data, _ in received.got]

        # What arrives at one moment arrives in any order.
        assert sorted(await send()) == [*range(500)]
        link = net.link("client", "server")
        link.loss = 0.3
        numbers = await send()
        assert 300 < len(numbers) < 400 and len(set(numbers)) == len(numbers)
        link.loss, link.duplication = 0, 0.2
        numbers = await send()
        assert 550 < len(numbers) < 650 and set(numbers) == {*range(500)}
        link.duplication, link.jitter = 0, 0.5
        numbers = await send()
        assert sorted(numbers) == [*range(500)] != numbers
        link.loss = 1
        assert await send() == []
        link.loss = None
        net.partition("client", "server", one_way=True)
        assert await send() == []
        net.heal()
        assert len(await send()) == 500
        return numbers

    assert in_memory(main(), seed=3) == in_memory(main(), seed=3) != in_memory(main(), seed=4)


def test_a_datagram_that_nobody_takes():
    async def main():
        net = testing.network()
        net.host("server")
        connected, heard = await endpoint("client", remote_addr=("server", 53))
        free, silent = await endpoint("client", local_addr=("0.0.0.0", 0))
        connected.sendto(b"x")
        free.sendto(b"x", ("server", 53))
        free.sendto(b"x", ("nowhere", 53))
        free.sendto(bytes(65_508), ("server", 53))
        free.sendto(b"x", ("255.255.255.255", 53))
        free.sendto(b"x")
        await asyncio.sleep(1)
        assert [type(error) for error in heard.errors] == [ConnectionRefusedError]
        assert [error.errno for error in silent.errors] == [
            socket.EAI_NONAME,
            errno.EMSGSIZE,
            errno.EACCES,
            errno.EDESTADDRREQ,
        ]
        with pytest.raises(OSError, match="in use"):
            await endpoint("client", local_addr=free.get_extra_info("sockname"))
        with pytest.raises(OSError, match="assign"):
            await endpoint("client", local_addr=("server", 1))
        with pytest.raises(ValueError):
            await endpoint("client")
        with pytest.raises(TypeError):
            await endpoint("client", local_addr=5)

    in_memory(main())


def test_a_broadcast_reaches_every_host():
    async def main():
        received = [(await endpoint(name, local_addr=("0.0.0.0", 9)))[1] for name in "abc"]
        sender, _ = await endpoint("d", local_addr=("0.0.0.0", 0), allow_broadcast=True)
        sender.sendto(b"hello", ("255.255.255.255", 9))
        await asyncio.sleep(1)
        assert [len(one.got) for one in received] == [1, 1, 1]

    in_memory(main())


def test_unix_sockets_belong_to_their_host(tmp_path):
    path = tmp_path / "socket"
    server_context, client_context = contexts()

    async def main():
        net = testing.network()
        with net.host("db").active():
            server = await asyncio.start_unix_server(echo, path)
            reader, writer = await asyncio.open_unix_connection(str(path))
            assert writer.get_extra_info("peername") == str(path)
            assert writer.get_extra_info("socket").family == socket.AF_UNIX
            writer.write(b"hello\n")
            assert await reader.readline() == b"hello\n"
            writer.close()
            # Another server takes the path.
            second = await asyncio.start_unix_server(echo, path, ssl=server_context)
            reader, writer = await asyncio.open_unix_connection(
                path, ssl=client_context, server_hostname="localhost"
            )
            writer.write(b"hello\n")
            assert await reader.readline() == b"hello\n"
            writer.close()
            server.close()
            second.close()
            gone = FileNotFoundError if sys.version_info >= (3, 13) else ConnectionRefusedError
            with pytest.raises(gone):
                await asyncio.open_unix_connection(path)
        with pytest.raises(FileNotFoundError):
            await asyncio.open_unix_connection(path)
        loop = asyncio.get_running_loop()
        for call in (
            loop.create_unix_server(asyncio.Protocol),
            loop.create_unix_connection(asyncio.Protocol),
            loop.create_unix_connection(asyncio.Protocol, path, server_hostname="x"),
            loop.create_unix_connection(asyncio.Protocol, path, ssl=client_context),
        ):
            with pytest.raises(ValueError):
                await call
        with pytest.raises(TypeError):
            await loop.create_unix_server(asyncio.Protocol, 5)
        assert not path.exists()

    in_memory(main())


def test_unix_datagrams():
    async def main():
        server, received = await endpoint("localhost", local_addr="/server", family=socket.AF_UNIX)
        client, answers = await endpoint(
            "localhost", local_addr="/client", remote_addr="/server", family=socket.AF_UNIX
        )
        client.sendto(b"question")
        await asyncio.sleep(1)
        assert received.got == [(b"question", "/client")]
        server.sendto(b"answer", "/client")
        server.sendto(b"answer", "/nowhere")
        await asyncio.sleep(1)
        assert answers.got == [(b"answer", "/server")]
        assert [type(error) for error in received.errors] == [FileNotFoundError]
        with pytest.raises(FileNotFoundError):
            await endpoint("localhost", remote_addr="/nowhere", family=socket.AF_UNIX)
        with pytest.raises(TypeError):
            await endpoint("localhost", local_addr=("a", 1), family=socket.AF_UNIX)

    in_memory(main())


async def connected(server="db", client="web"):
    """Return the reader and writer of a connection to an echo server."""
    net = testing.network()
    with net.host(server).active():
        await asyncio.start_server(echo, port=1)
    with net.host(client).active():
        return await asyncio.open_connection(server, 1)


def test_bandwidth_is_shared_by_what_goes_the_same_way():
    async def main():
        net, loop = testing.network(), asyncio.get_running_loop()
        net.latency = 0
        net.link("web", "db").bandwidth = 10_000
        reader, writer = await connected()
        start = loop.time()
        writer.write(bytes(50_000))
        await reader.readexactly(50_000)
        # Five seconds there, and five back; the first byte turns round when the last of its piece has come.
        assert 9.9 < loop.time() - start <= 10.1
        net.link("web", "db").bandwidth = None
        start = loop.time()
        writer.write(bytes(50_000))
        await reader.readexactly(50_000)
        assert loop.time() == start
        one_way = net.link("db", "web", one_way=True)
        one_way.latency = 7
        assert net.link("web", "db").latency is None and one_way.latency == 7
        writer.write(b"x")
        await reader.readexactly(1)
        assert loop.time() == start + 7
        writer.close()

    in_memory(main())


def test_a_slow_reader_holds_its_writer():
    async def main():
        net, loop = testing.network(), asyncio.get_running_loop()
        got = []

        async def take(reader, writer):
            while data := await reader.read(1 << 20):
                got.append(len(data))
            writer.close()

        with net.host("slow").active():
            await asyncio.start_server(take, port=1)
        net.host("slow").reading_rate = 64 * 1024
        _, writer = await asyncio.open_connection("slow", 1)
        start = loop.time()
        for _ in range(64):
            writer.write(bytes(64 * 1024))
            await writer.drain()
        # 4 MiB, of which some are in the buffers.
        assert 50 < loop.time() - start < 64
        await asyncio.sleep(100)
        assert sum(got) == 64 * 64 * 1024
        writer.close()

    in_memory(main())


def test_a_connection_that_is_open_at_one_end_only():
    async def main():
        net, loop = testing.network(), asyncio.get_running_loop()
        reader, writer = await connected()
        net.half_open("db", "web")
        waiting = asyncio.create_task(reader.read(1))
        await asyncio.sleep(100_000)
        assert not waiting.done()
        writer.write(b"are you there?")
        start = loop.time()
        with pytest.raises(ConnectionResetError):
            await waiting
        assert loop.time() - start < 1
        # The end that was lost got a TimeoutError.
        reader, writer = await connected("other")
        net.half_open("web", "other")
        with pytest.raises(TimeoutError) as caught:
            await reader.read(1)
        assert caught.value.errno == errno.ETIMEDOUT

    in_memory(main())


def test_a_long_partition_ends_connections_that_send():
    async def main():
        net, loop = testing.network(), asyncio.get_running_loop()
        reader, writer = await connected()
        idle_reader, idle_writer = await asyncio.open_connection("db", 1)
        net.partition(["web", "localhost"], ["db"])
        writer.write(b"x")
        start = loop.time()
        with pytest.raises(TimeoutError):
            await reader.read(1)
        assert 900 < loop.time() - start < 1000
        net.heal("web", "db")
        net.heal("localhost", "db")
        idle_writer.write(b"x")
        assert await idle_reader.read(1) == b"x"
        # A partition that ends in time costs nothing but time.
        net.partition("localhost", "db")
        idle_writer.write(b"y")
        await asyncio.sleep(900)
        net.heal("localhost", "db")
        assert await idle_reader.read(1) == b"y"
        await asyncio.sleep(2000)
        idle_writer.write(b"z")
        assert await idle_reader.read(1) == b"z"
        with pytest.raises(TypeError):
            net.heal("web")
        idle_writer.close()

    in_memory(main())


def test_conditions_are_checked():
    async def main():
        net = testing.network()
        link = net.link("a", "b")
        for thing in (net, link):
            for name, value, error in (
                ("latency", -1, ValueError),
                ("latency", float("nan"), ValueError),
                ("latency", float("inf"), ValueError),
                ("latency", "1", TypeError),
                ("jitter", 1j, TypeError),
                ("loss", 1.01, ValueError),
                ("duplication", -0.1, ValueError),
                ("bandwidth", 0, ValueError),
            ):
                with pytest.raises(error):
                    setattr(thing, name, value)
        with pytest.raises(AttributeError):
            link.speed = 5
        with pytest.raises(AttributeError):
            link.speed  # noqa: B018
        with pytest.raises(ValueError):
            net.host("a").clock_skew = float("inf")
        with pytest.raises(ValueError):
            net.host("a").reading_rate = -1
        net.bandwidth = 1e9

    in_memory(main())
