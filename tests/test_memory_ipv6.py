"""ferrio.testing's network in memory: IPv6, both families at once, and the names of sockets."""

import asyncio
import errno
import functools
import socket

import pytest
from ferrio import testing
from support.certificates import contexts
from support.simulations import cancelled_connections, echo  # noqa: F401

in_memory = functools.partial(testing.run, network="memory")

V6_OF_LOCALHOST = "fd00::1"


async def said(host, port, **options):
    """Return the names of both ends of a connection over which an echo was heard."""
    reader, writer = await asyncio.open_connection(host, port, **options)
    writer.write(b"hello\n")
    assert await reader.readline() == b"hello\n"
    names = writer.get_extra_info("sockname"), writer.get_extra_info("peername")
    sock = writer.get_extra_info("socket")
    assert (sock.getsockname(), sock.getpeername()) == names
    assert sock.family == (socket.AF_INET6 if len(names[0]) == 4 else socket.AF_INET)
    writer.close()
    await writer.wait_closed()
    return names


def test_streams_over_literals_names_and_the_loopback():
    async def main():
        net, seen = testing.network(), []
        db = net.host("db")
        assert db.address6 == "fd00::2"

        async def serve(reader, writer):
            seen.append(writer.get_extra_info("peername"))
            await echo(reader, writer)

        with db.active():
            server = await asyncio.start_server(serve, "::", 80)
            assert [sock.getsockname() for sock in server.sockets] == [("::", 80, 0, 0)]
            assert server.sockets[0].family == socket.AF_INET6
            for name in ("::1", "0:0:0:0:0:0:0:1", b"::1"):
                own, peer = await said(name, 80)
                assert own[0] == "::1" and own[2:] == (0, 0) and peer == ("::1", 80, 0, 0)
                assert seen[-1] == own
            await said("localhost", 80, family=socket.AF_INET6)
            # asyncio's servers on IPv6 serve IPv6 alone.
            for name in ("127.0.0.1", "localhost", db.address):
                with pytest.raises(ConnectionRefusedError):
                    await said(name, 80)
        for name in (db.address6, "FD00:0::2"):
            own, peer = await said(name, 80)
            assert own[0] == V6_OF_LOCALHOST and peer == (db.address6, 80, 0, 0) and seen[-1] == own
        await said("db", 80, family=socket.AF_INET6)
        with pytest.raises(ConnectionRefusedError) as caught:
            await said(db.address6, 81)
        assert str(caught.value).endswith("Connect call failed ('fd00::2', 81, 0, 0)")
        for name, family in (
            ("fd00::99", 0),
            ("fe80::1%eth0", 0),
            ("::g", 0),
            ("1::2::3", 0),
            ("::1", socket.AF_INET),
            (db.address, socket.AF_INET6),
        ):
            with pytest.raises(socket.gaierror):
                await said(name, 80, family=family)

    for seed in (None, *range(5)):
        in_memory(main(), seed=seed)


def test_a_server_on_all_addresses_serves_both_families():
    async def main():
        with testing.network().host("db").active():
            server = await asyncio.start_server(echo, port=80)
            assert [sock.getsockname() for sock in server.sockets] == [("0.0.0.0", 80), ("::", 80, 0, 0)]
            for name in ("127.0.0.1", "::1", "localhost"):
                await said(name, 80)
            with pytest.raises(OSError, match="in use") as caught:
                await asyncio.start_server(echo, "::1", 80)
            assert caught.value.errno == errno.EADDRINUSE
            assert str(caught.value).startswith(
                f"[Errno {errno.EADDRINUSE}] error while attempting to bind on address"
            )
            assert "('::1', 80, 0, 0)" in str(caught.value)
            with pytest.raises(OSError, match="assign"):
                await asyncio.start_server(echo, V6_OF_LOCALHOST, 80)
            only = await asyncio.start_server(echo, port=81, family=socket.AF_INET6)
            assert [sock.getsockname() for sock in only.sockets] == [("::", 81, 0, 0)]
            with pytest.raises(socket.gaierror):
                await asyncio.start_server(echo, "::1", 82, family=socket.AF_INET)
            # Two servers share a port if their families differ.
            await asyncio.start_server(echo, "0.0.0.0", 81)
            ports = await asyncio.start_server(echo, ["127.0.0.1", "::1"], 0)
            for sock in ports.sockets:
                await said(*sock.getsockname()[:2])
            server.close()
            await server.wait_closed()
            for name in ("127.0.0.1", "::1"):
                with pytest.raises(ConnectionRefusedError):
                    await said(name, 80)

    in_memory(main())


def test_getaddrinfo_and_getnameinfo():
    async def main():
        net, loop = testing.network(), asyncio.get_running_loop()
        db, stream = net.host("db"), socket.SOCK_STREAM

        async def names(host, **options):
            return [(info[0], info[4]) for info in await loop.getaddrinfo(host, 80, type=stream, **options)]

        v4, v6 = (socket.AF_INET, (db.address, 80)), (socket.AF_INET6, (db.address6, 80, 0, 0))
        assert await names("db") == [v4]
        assert await names("db", family=socket.AF_INET) == [v4]
        assert await names("db", family=socket.AF_INET6) == [v6]
        assert await names(db.address6) == [v6]
        assert await names("::1") == [(socket.AF_INET6, ("::1", 80, 0, 0))]
        assert await names(None, flags=socket.AI_PASSIVE) == [
            (socket.AF_INET, ("0.0.0.0", 80)),
            (socket.AF_INET6, ("::", 80, 0, 0)),
        ]
        ((*_, kind, proto, canonical, _),) = await loop.getaddrinfo("db", 53, type=socket.SOCK_DGRAM)
        assert (kind, proto, canonical) == (socket.SOCK_DGRAM, socket.IPPROTO_UDP, "")
        net.dual_stack = True
        assert await names("db") == [v6, v4]
        assert await names("localhost") == [
            (socket.AF_INET6, ("::1", 80, 0, 0)),
            (socket.AF_INET, ("127.0.0.1", 80)),
        ]
        assert await loop.getnameinfo((db.address6, 80, 0, 0)) == ("db", "80")
        flags = socket.NI_NUMERICHOST
        assert await loop.getnameinfo((db.address6, 80, 0, 0), flags) == (db.address6, "80")

    in_memory(main())


def test_both_families_are_tried_in_their_order():
    async def main():
        net, loop = testing.network(), asyncio.get_running_loop()
        net.dual_stack, net.latency = True, 1
        with net.host("db").active():
            await asyncio.start_server(echo, "0.0.0.0", 80)
            await asyncio.start_server(echo, "::", 81)
            both = await asyncio.start_server(echo, "localhost", 82)
            assert len(both.sockets) == 2
        start = loop.time()
        _, peer = await said("db", 80)
        # Refused over IPv6, and then over IPv4, and the echo.
        assert peer == (net.host("db").address, 80) and loop.time() - start > 4
        assert (await said("db", 81))[1] == (net.host("db").address6, 81, 0, 0)
        with pytest.raises(OSError, match=r"Multiple exceptions: .*fd00::2.*10\.0\.0\.2") as caught:
            await said("db", 83)
        assert type(caught.value) is OSError
        with pytest.raises(ConnectionRefusedError):
            await said("db", 83, family=socket.AF_INET)
        with pytest.raises(ExceptionGroup) as group:
            await loop.create_connection(asyncio.Protocol, "db", 83, all_errors=True)
        assert [type(error) for error in group.value.exceptions] == [ConnectionRefusedError] * 2

    in_memory(main())


def test_ipv4_addresses_that_ipv6_sockets_show():
    async def main():
        net = testing.network()
        db, seen = net.host("db"), []

        async def serve(reader, writer):
            seen.append(writer.get_extra_info("peername"))
            await echo(reader, writer)

        with db.active():
            await asyncio.start_server(serve, "0.0.0.0", 80)
        own, peer = await said(f"::ffff:{db.address}", 80)
        assert peer == (f"::ffff:{db.address}", 80, 0, 0)
        assert own[0] == f"::ffff:{net.host('localhost').address}"
        assert seen == [(net.host("localhost").address, own[1])]

    in_memory(main())


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, answers=False):
        self.answers, self.received, self.errors = answers, [], []

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        self.received.append((data, address))
        if self.answers:
            self.transport.sendto(data, address)

    def error_received(self, error):
        self.errors.append(error)


def test_datagrams():
    async def main():
        net, loop = testing.network(), asyncio.get_running_loop()
        db = net.host("db")

        async def open(local=None, remote=None, answers=False, **options):
            return await loop.create_datagram_endpoint(
                lambda: Datagrams(answers), local_addr=local, remote_addr=remote, **options
            )

        with db.active():
            everywhere, server = await open(("::", 53), answers=True)
            assert everywhere.get_extra_info("sockname") == ("::", 53, 0, 0)
            assert everywhere.get_extra_info("socket").family == socket.AF_INET6
            with pytest.raises(OSError, match="in use"):
                # An endpoint on all IPv6 addresses has the port of the IPv4 ones too.
                await open(("0.0.0.0", 53))
        transport, client = await open(remote=(db.address6, 53))
        own = transport.get_extra_info("sockname")
        assert own[0] == "::" and len(own) == 4
        assert transport.get_extra_info("peername") == (db.address6, 53, 0, 0)
        transport.sendto(b"six")
        await asyncio.sleep(1)
        assert server.received == [(b"six", (V6_OF_LOCALHOST, own[1], 0, 0))]
        assert client.received == [(b"six", (db.address6, 53, 0, 0))]
        with pytest.raises(ValueError):
            transport.sendto(b"x", ("::1", 1))
        # An IPv4 client of the same endpoint.
        transport, client = await open(remote=("db", 53))
        transport.sendto(b"four")
        await asyncio.sleep(1)
        address = net.host("localhost").address
        assert server.received[-1] == (
            b"four",
            (f"::ffff:{address}", transport.get_extra_info("sockname")[1], 0, 0),
        )
        assert client.received == [(b"four", (db.address, 53))]
        transport, client = await open(family=socket.AF_INET6)
        transport.sendto(b"mapped", (f"::ffff:{db.address}", 53))
        transport.sendto(b"two items", (db.address6, 53))
        transport.sendto(b"other family", (db.address, 53))
        transport.sendto(b"x" * 65527, (db.address6, 53, 0, 0))
        transport.sendto(b"x" * 65528, (db.address6, 53, 0, 0))
        await asyncio.sleep(1)
        # Datagrams overtake each other.
        received = {data[:9]: address for data, address in client.received}
        assert sorted(received) == [b"mapped", b"two items", b"x" * 9]
        assert received[b"mapped"] == (f"::ffff:{db.address}", 53, 0, 0)
        assert [type(error) for error in client.errors] == [socket.gaierror, OSError]
        assert client.errors[1].errno == errno.EMSGSIZE
        with pytest.raises(ValueError, match="can not get address information"):
            await open(("127.0.0.1", 0), ("::1", 53))
        with pytest.raises(TypeError, match="2-tuple"):
            await open(("::", 0, 0, 0))
        with pytest.raises(socket.gaierror):
            await open(("::1", 0), family=socket.AF_INET)
        loopback, protocol = await open(("::1", 9), answers=True)
        transport, client = await open(remote=("::1", 9))
        transport.sendto(b"back")
        await asyncio.sleep(1)
        assert client.received == [(b"back", ("::1", 9, 0, 0))] and protocol.received[0][1][0] == "::1"
        loopback.close()
        transport.sendto(b"nobody")
        await asyncio.sleep(1)
        assert isinstance(client.errors[0], ConnectionRefusedError)

    for seed in (None, *range(5)):
        in_memory(main(), seed=seed)


def test_faults_do_not_care_for_the_family():
    async def main():
        net = testing.network()
        db = net.host("db")
        with db.active():
            await asyncio.start_server(echo, port=1)
        for address in (db.address, db.address6):
            reader, writer = await asyncio.open_connection(address, 1)
            net.partition("localhost", "db")
            writer.write(b"x")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(30):
                    await reader.read(1)
            net.heal()
            assert await reader.read(1) == b"x"
            net.reset("db")
            with pytest.raises(ConnectionResetError):
                await reader.read(1)
        db.crash()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(db.address6, 1)

    in_memory(main())


def test_tls_and_sock_connect():
    server_context, client_context = contexts()

    async def main():
        net, loop = testing.network(), asyncio.get_running_loop()
        db = net.host("db")
        with db.active():
            await asyncio.start_server(echo, port=443, ssl=server_context)
            await asyncio.start_server(echo, port=80)
            await asyncio.start_unix_server(echo, "/run/db")
            with socket.socket(socket.AF_UNIX) as sock:
                await loop.sock_connect(sock, "/run/db")
                transport, _ = await loop.create_unix_connection(asyncio.Protocol, sock=sock)
                transport.close()
        await said(db.address6, 443, ssl=client_context, server_hostname="localhost")
        with socket.socket(socket.AF_INET6) as sock:
            await loop.sock_connect(sock, (db.address6, 80, 0, 0))
            assert (await said(None, None, sock=sock))[1] == (db.address6, 80, 0, 0)
        with socket.socket(socket.AF_INET6) as sock:
            with pytest.raises(socket.gaierror):
                await loop.sock_connect(sock, (db.address, 80))

    in_memory(main())


def test_aiohttp_over_ipv6():
    web = pytest.importorskip("aiohttp.web")
    from aiohttp import ClientSession

    async def main():
        net = testing.network()

        async def answer(request):
            return web.Response(text=request.remote)

        app = web.Application()
        app.router.add_get("/", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        for name in ("::", "0.0.0.0"):
            await web.TCPSite(runner, name, 80).start()

        async def get(url):
            async with ClientSession() as session, session.get(url) as response:
                return await response.text()

        address = net.host("localhost").address6
        assert (
            await net.host("client").create_task(get(f"http://[{address}]/")) == net.host("client").address6
        )
        net.dual_stack = True
        assert await get("http://localhost/") == "::1"
        await runner.cleanup()

    for seed in (None, 1, 2):
        in_memory(main(), seed=seed)
