"""ferrio.testing with a network in memory: hosts, connections, delays, partitions, resets, TLS."""

import asyncio
import errno
import functools
import socket

import ferrio
import pytest
from ferrio import testing
from support.certificates import contexts
from support.growth import descriptors
from support.simulations import cancelled_connections  # noqa: F401

in_memory = functools.partial(testing.run, network="memory")


async def echo(reader, writer):
    while data := await reader.read(1 << 20):
        writer.write(data)
        await writer.drain()
    writer.close()


def test_streams_talk_in_virtual_time_without_a_descriptor():
    async def main():
        net, loop = testing.network(), asyncio.get_running_loop()
        net.latency = 0.5
        with net.host("db").active():
            server = await asyncio.start_server(echo, port=5432)
        before = descriptors()
        start = loop.time()
        reader, writer = await asyncio.open_connection("db", 5432)
        assert loop.time() - start == 1
        writer.write(b"hello\n")
        assert await reader.readline() == b"hello\n"
        assert loop.time() - start == 2
        assert descriptors() == before
        assert writer.get_extra_info("peername") == (net.host("db").address, 5432)
        assert writer.get_extra_info("sockname")[0] == net.host("localhost").address
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        names = [listening.getsockname() for listening in server.sockets]
        assert names == [("0.0.0.0", 5432), ("::", 5432, 0, 0)]
        server.close()
        await server.wait_closed()
        with pytest.raises(ConnectionRefusedError) as caught:
            await asyncio.open_connection("db", 5432)
        assert caught.value.errno == errno.ECONNREFUSED

    for seed in (None, *range(20)):
        in_memory(main(), seed=seed)


def test_much_data_arrives_whole_and_in_order_and_a_slow_reader_holds_the_writer():
    async def main():
        net = testing.network()
        net.latency, net.jitter = 0.01, 0.05
        server = await asyncio.start_server(echo, "localhost", 0)
        with net.host("client").active():
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("localhost", server.sockets[0].getsockname()[1])
        server.close()
        server = await asyncio.start_server(echo, port=80)
        with net.host("client").active():
            reader, writer = await asyncio.open_connection(net.host("localhost").address, 80)
        data = bytes(range(256)) * 8192
        sent = asyncio.create_task(send(writer, data))
        await asyncio.sleep(60)
        # Nobody reads: the windows are full.
        assert not sent.done()
        assert await reader.readexactly(len(data)) == data
        await sent
        for number in range(100):
            writer.write(b"%d " % number)
        text = b"".join(b"%d " % number for number in range(100))
        assert await reader.readexactly(len(text)) == text
        writer.close()
        server.close()
        await server.wait_closed()

    async def send(writer, data):
        for at in range(0, len(data), 10_000):
            writer.write(data[at : at + 10_000])
            await writer.drain()

    for seed in range(3):
        in_memory(main(), seed=seed)


def test_a_partition_delays_and_a_timeout_sees_it():
    async def main():
        net, loop = testing.network(), asyncio.get_running_loop()
        with net.host("db").active():
            await asyncio.start_server(echo, port=1)
        reader, writer = await asyncio.open_connection("db", 1)
        net.partition("localhost", "db")
        writer.write(b"x")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await reader.read(1)
        start = loop.time()
        with pytest.raises(TimeoutError) as caught:
            await asyncio.open_connection("db", 1)
        assert caught.value.errno == errno.ETIMEDOUT and loop.time() - start > 100
        net.heal("localhost", "db")
        assert await reader.read(1) == b"x"
        writer.close()

    in_memory(main())


def test_a_reset_is_an_error_at_both_ends():
    async def main():
        net, lost = testing.network(), []

        class Server(asyncio.Protocol):
            def connection_lost(self, error):
                lost.append(error)

        loop = asyncio.get_running_loop()
        with net.host("db").active():
            await loop.create_server(Server, "db", 1)
        reader, writer = await asyncio.open_connection("db", 1)
        net.reset("db")
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        assert isinstance(lost[0], ConnectionResetError)
        reader, writer = await asyncio.open_connection("db", 1)
        writer.transport.abort()
        await asyncio.sleep(1)
        assert isinstance(lost[1], ConnectionResetError)
        writer.transport.abort()
        writer.transport.close()
        writer.write(b"ignored")

    in_memory(main())


def test_what_arrives_runs_on_its_own_host():
    async def main():
        net, seen = testing.network(), []

        async def serve(reader, writer):
            seen.append(net.current_host().name)
            await reader.read(1)
            seen.append(net.current_host().name)
            writer.close()

        class Client(asyncio.Protocol):
            def connection_made(self, transport):
                seen.append(net.current_host().name)
                transport.write(b"x")

            def connection_lost(self, error):
                seen.append(net.current_host().name)

        with net.host("web").active():
            await asyncio.start_server(serve, port=80)
        await net.host("client").create_task(asyncio.get_running_loop().create_connection(Client, "web", 80))
        await asyncio.sleep(1)
        assert sorted(seen) == ["client", "client", "web", "web"]
        assert net.current_host().name == "localhost"
        assert repr(net.host("web")).startswith("<Host web 10.0.0.")

    in_memory(main())


def test_buffered_protocols_and_protocols_that_raise(reports):
    async def main():
        loop, got = asyncio.get_running_loop(), bytearray()

        class Buffered(asyncio.BufferedProtocol):
            def get_buffer(self, size):
                self.buffer = bytearray(3)
                return self.buffer

            def buffer_updated(self, count):
                got.extend(self.buffer[:count])

        class Raises(asyncio.Protocol):
            def data_received(self, data):
                raise ZeroDivisionError

            def connection_made(self, transport):
                raise LookupError

            def connection_lost(self, error):
                got.extend(type(error).__name__.encode())

        await loop.create_server(Buffered, "localhost", 1)
        await loop.create_server(Raises, "localhost", 2)
        for port in (1, 2):
            _, writer = await asyncio.open_connection("localhost", port)
            writer.write(b"some text")
            await asyncio.sleep(1)
            with pytest.raises(TypeError, match="bytes-like"):
                writer.write("text")
            writer.close()
        assert got == b"some textZeroDivisionError"

    in_memory(main())
    reported = str(reports.take())
    assert "data_received" in reported and "connection_made" in reported


def test_tls_on_top(tmp_path):
    server_context, client_context = contexts()

    async def main():
        net = testing.network()
        net.latency = 0.1
        server = await asyncio.start_server(echo, "localhost", 443, ssl=server_context)
        async with asyncio.timeout(10):
            reader, writer = await asyncio.open_connection("localhost", 443, ssl=client_context)
        data = bytes(range(256)) * 2000
        writer.write(data)
        assert await reader.readexactly(len(data)) == data
        assert writer.get_extra_info("cipher")
        writer.close()
        await writer.wait_closed()
        server.close()

    in_memory(main())


def test_names_and_addresses():
    async def main():
        net, loop = testing.network(), asyncio.get_running_loop()
        db = net.host("db")
        assert net.host("db") is db
        infos = await loop.getaddrinfo("db", 80, type=socket.SOCK_STREAM)
        assert infos == [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (db.address, 80))]
        assert await loop.getnameinfo((db.address, 80)) == ("db", "80")
        for call in (
            loop.getaddrinfo("nowhere", 80),
            loop.create_connection(asyncio.Protocol, "nowhere", 80),
            loop.create_connection(asyncio.Protocol, "93.184.215.14", 80),
            loop.getaddrinfo("db", 80, family=socket.AF_UNIX),
        ):
            with pytest.raises(socket.gaierror):
                await call
        # As libraries write them.
        assert net.host("DB") is db is net.host("db.") and net.hosts == (net.host("localhost"), db)
        for name in ("Db", b"db", "db.", db.address):
            assert (await loop.getaddrinfo(name, 80))[0][4] == (db.address, 80)
        munich = net.host("München")
        for name in ("münchen", "xn--mnchen-3ya", b"xn--mnchen-3ya"):
            assert (await loop.getaddrinfo(name, 80))[0][4] == (munich.address, 80)
        for name in ("", None, 5):
            with pytest.raises(TypeError):
                net.host(name)
        await loop.create_server(asyncio.Protocol, "localhost", 80)
        with pytest.raises(OSError, match="in use") as caught:
            await loop.create_server(asyncio.Protocol, None, 80)
        assert caught.value.errno == errno.EADDRINUSE
        with pytest.raises(OSError, match="assign") as caught:
            await loop.create_server(asyncio.Protocol, "db", 80)
        assert caught.value.errno == errno.EADDRNOTAVAIL
        server = await loop.create_server(asyncio.Protocol, ["127.0.0.1", "::1"], 81, start_serving=False)
        assert [sock.getsockname()[:2] for sock in server.sockets] == [("127.0.0.1", 81), ("::1", 81)]
        with pytest.raises(ConnectionRefusedError):
            await loop.create_connection(asyncio.Protocol, "localhost", 81)
        await server.start_serving()
        await loop.create_connection(asyncio.Protocol, "localhost", "81")
        assert (await loop.getaddrinfo("db", "http"))[0][4] == (db.address, 80)
        for port, error in (
            ("no service", socket.gaierror),
            (65536, OverflowError),
            (-1, OverflowError),
            (1.5, OSError),
        ):
            with pytest.raises(error):
                await loop.create_connection(asyncio.Protocol, "localhost", port)
        with pytest.raises(ValueError):
            await loop.create_server(asyncio.Protocol)
        with pytest.raises(ValueError):
            await loop.create_connection(asyncio.Protocol)

    in_memory(main())


def test_what_would_leave_the_simulation_is_refused():
    async def main():
        loop = asyncio.get_running_loop()
        with socket.socket() as sock:
            for call in (
                lambda: loop.create_datagram_endpoint(asyncio.DatagramProtocol, sock=sock),
                lambda: loop.create_unix_server(asyncio.Protocol, sock=sock),
                lambda: loop.create_unix_connection(asyncio.Protocol, sock=sock),
                lambda: loop.sock_recv(sock, 1),
                lambda: loop.add_reader(sock, print),
                lambda: asyncio.create_subprocess_exec("true"),
                lambda: loop.create_server(asyncio.Protocol, sock=sock),
                lambda: loop.create_connection(asyncio.Protocol, sock=sock),
            ):
                with pytest.raises(testing.LeavesSimulationError):
                    await call()

    in_memory(main())

    async def other():
        with pytest.raises(RuntimeError, match="no network in memory"):
            testing.network()

    ferrio.run(other())
    testing.run(other())
    with pytest.raises(ValueError, match="network"):
        testing.run(other(), network="other")


async def store_once(is_correct):
    """Two hosts store a value unless it is there; the store answers reads and writes."""
    net, store, writes = testing.network(), {}, []
    net.latency = 0.01

    async def serve(reader, writer):
        while line := await reader.readline():
            command, _, value = line.decode().strip().partition(" ")
            if command == "set" or (command == "add" and "key" not in store):
                store["key"] = value
                writes.append(value)
            writer.write(f"{store.get('key', '')}\n".encode())
        writer.close()

    async def client(name):
        reader, writer = await asyncio.open_connection("store", 1)
        if is_correct:
            writer.write(f"add {name}\n".encode())
        else:
            writer.write(b"get\n")
            if (await reader.readline()).strip():
                writer.close()
                return
            writer.write(f"set {name}\n".encode())
        await reader.readline()
        writer.close()

    with net.host("store").active():
        server = await asyncio.start_server(serve, port=1)
    first = net.host("first").create_task(client("first"))
    # As long as the first needs to connect, to ask and to hear the answer, less the second's way to the same point.
    await asyncio.sleep(0.02)
    second = net.host("second").create_task(client("second"))
    await asyncio.gather(first, second)
    server.close()
    assert len(writes) == 1


def test_a_race_between_hosts_is_found_and_two_runs_are_equal():
    failures = [
        testing.find(functools.partial(store_once, False), network="memory", schedules=1000) for _ in range(2)
    ]
    assert isinstance(failures[0], testing.Failure)
    assert failures[0].report == failures[1].report
    testing.explore(functools.partial(store_once, True), network="memory", schedules=200)
