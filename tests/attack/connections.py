"""The connections that transports.py attacks: how each kind is made."""

from __future__ import annotations

import asyncio
import os
import random
import socket
from types import NoneType
from typing import Any

import arena
from ends import End
from others import Datagrams, Hand, Stream
from protocols import Plain
from wires import Scene, Wire, is_of_closed_tls


def pair(chance: random.Random, kind: str) -> tuple[socket.socket, socket.socket]:
    """Return the two sockets of a connection."""
    if kind == "unix":
        left, right = socket.socketpair()
    else:
        with socket.socket() as listener:
            if chance.random() < 0.3:
                # Smaller ones make TCP wait for its own timers.
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 20_000)
            listener.bind(("127.0.0.1", 0))
            listener.listen(1)
            left = socket.socket()
            left.connect(listener.getsockname())
            right, _ = listener.accept()
    for sock in (left, right):
        if chance.random() < 0.3:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2048 if kind == "unix" else 20_000)
    return left, right


def end_of(scene: Scene, name: str, outgoing: Wire, incoming: Wire) -> Any:
    """Return an end of one of the kinds that have a transport."""
    kind = Stream if scene.chance.random() < 0.2 else End
    return kind(scene, name, outgoing, incoming)


async def attach(
    scene: Scene, end: Any, sock: socket.socket, context: Any = None, server_side: bool = False
) -> None:
    """Give a socket to the loop, on one of its ways."""
    loop, chance = scene.loop, scene.chance
    if isinstance(end, Stream):
        reader = arena.library().StreamReader(loop=loop, limit=chance.choice([100, 65_536]))
        protocol: Any = arena.library().StreamReaderProtocol(reader, loop=loop)
    else:
        protocol = end.protocol
        end.sock = sock
        end.is_tls = context is not None
    options: dict[str, Any] = {}
    if context is not None:
        options = {"ssl": context, "ssl_handshake_timeout": 5, "ssl_shutdown_timeout": 5}
    if server_side or (context is None and chance.random() < 0.5):
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, sock, **options)
    else:
        if context is not None:
            options["server_hostname"] = "localhost"
        transport, _ = await loop.create_connection(lambda: protocol, sock=sock, **options)
    if isinstance(end, Stream):
        end.opened(reader, arena.library().StreamWriter(transport, protocol, reader, loop))


async def plain(scene: Scene, name: str) -> None:
    """Two sockets; one of them may be driven by hand."""
    left, right = pair(scene.chance, scene.chance.choice(["tcp", "tcp", "unix"]))
    there, back = Wire(scene, name + " there"), Wire(scene, name + " back")
    if scene.chance.random() < 0.4:
        Hand(scene, name + " left", there, back, left)
    else:
        await attach(scene, end_of(scene, name + " left", there, back), left)
    await attach(scene, end_of(scene, name + " right", back, there), right)


async def served(scene: Scene, name: str) -> None:
    """A server of the loop, and somebody who connects to it."""
    loop, chance = scene.loop, scene.chance
    there, back = Wire(scene, name + " there"), Wire(scene, name + " back")
    client = End(scene, name + " client", there, back)
    server = End(scene, name + " server", back, there)
    context = chance.choice([None, None, *arena.VERSIONS])
    contexts = arena.certificates.contexts(context) if context else (None, None)
    client.is_tls = server.is_tls = context is not None
    options: dict[str, Any] = {"ssl": contexts[0]}
    client_options: dict[str, Any] = {"ssl": contexts[1]}
    if context:
        limits = {"ssl_handshake_timeout": 5, "ssl_shutdown_timeout": 5}
        options |= limits
        client_options |= limits | {"server_hostname": "localhost"}
    if chance.random() < 0.5:
        listener = await loop.create_server(lambda: server.protocol, "127.0.0.1", 0, **options)
        host, port = listener.sockets[0].getsockname()
        await loop.create_connection(lambda: client.protocol, host, port, **client_options)
    else:
        with arena.folder() as folder:
            listener = await loop.create_unix_server(lambda: server.protocol, folder + "/socket", **options)
            await loop.create_unix_connection(lambda: client.protocol, folder + "/socket", **client_options)
    # A connection that is accepted is the server's, also if that is closed at once.
    if not await scene.until(lambda: server.made > 0) and not client.is_ending():
        scene.faults.add(f"{name}: the server has no connection")
    listener.close()


async def encrypted(scene: Scene, name: str) -> None:
    """TLS from the beginning."""
    left, right = pair(scene.chance, scene.chance.choice(["tcp", "unix"]))
    there, back = Wire(scene, name + " there"), Wire(scene, name + " back")
    server, client = arena.certificates.contexts(scene.chance.choice(arena.VERSIONS))
    results = await asyncio.gather(
        attach(scene, end_of(scene, name + " server", there, back), left, server, server_side=True),
        attach(scene, end_of(scene, name + " client", back, there), right, client),
        return_exceptions=True,
    )
    for error in results:
        if not isinstance(error, (NoneType, OSError, arena.Evil)) and not is_of_closed_tls(error):
            scene.faults.exception(f"{name}: handshake", error)


async def upgraded(scene: Scene, name: str) -> None:
    """TLS that begins in mid-stream."""
    left, right = pair(scene.chance, scene.chance.choice(["tcp", "unix"]))
    there, back = Wire(scene, name + " there"), Wire(scene, name + " back")
    ends = End(scene, name + " server", there, back), End(scene, name + " client", back, there)
    await attach(scene, ends[0], left)
    await attach(scene, ends[1], right)
    contexts = arena.certificates.contexts(scene.chance.choice(arena.VERSIONS))

    async def upgrade(end: End, context: Any, server_side: bool) -> None:
        options: dict[str, Any] = {"server_side": server_side}
        if not server_side:
            options["server_hostname"] = "localhost"
        # Whoever waits for the handshake hears of its failure; the protocol does not.
        end.unsure = end.is_tls = True
        # The end of the stream below, if it has come, is told once more.
        end.at_eof = False
        transport = await scene.loop.start_tls(
            end.transport, end.protocol, context, ssl_handshake_timeout=5, ssl_shutdown_timeout=5, **options
        )
        if transport is None:
            # What asyncio gives too, if the connection was closed in the middle of the handshake.
            raise ConnectionAbortedError
        end.transport = transport
        end.unsure = False

    async def later() -> None:
        await asyncio.sleep(scene.chance.choice([0, 0.001, 0.005]))
        # Between the two protocols nothing may be under way.
        if any(end.holding for end in ends):
            return
        for end in ends:
            if not end.is_ending():
                end.do_resume()
            end.holding = True
        quiet = True
        for wire in (there, back):
            quiet = quiet and await scene.moving(
                wire, lambda wire=wire: wire.is_quiet() or any(e.is_ending() for e in ends)
            )
        if any(end.is_ending() for end in ends):
            for end in ends:
                end.holding = False
            return
        if not quiet:
            transports = [end.transport for end in ends]
            scene.faults.add(
                f"{name}: {there.received} of {there.sent}, {back.received} of {back.sent} arrived: {transports}"
            )
            return
        results = await asyncio.gather(
            upgrade(ends[0], contexts[0], True), upgrade(ends[1], contexts[1], False), return_exceptions=True
        )
        for end, error in zip(ends, results, strict=True):
            end.holding = False
            if error is not None:
                arena.trace(end.name, "start_tls", repr(error))
                end.closing = True
                if not isinstance(error, (OSError, arena.Evil)) and not is_of_closed_tls(error):
                    scene.faults.exception(f"{name}: start_tls", error)
            elif end.transport is not None and not scene.settling:
                end.act("start_tls")

    scene.task(guarded(later()))


async def guarded(coroutine: Any) -> None:
    """What the attack itself raises ends no task."""
    try:
        await coroutine
    except arena.Evil:
        pass


async def piped(scene: Scene, name: str) -> None:
    """A pipe, or a socket in the place of one."""
    loop, chance = scene.loop, scene.chance
    wire, nothing = Wire(scene, name), Wire(scene, name + " back")
    nothing.data = b""
    if chance.random() < 0.7:
        read, write = os.pipe()
        readable, writable = open(read, "rb", buffering=0), open(write, "wb", buffering=0)
    else:
        left, right = socket.socketpair()
        readable, writable = left, right
    reader, writer = End(scene, name + " reader", nothing, wire), End(scene, name + " writer", wire, nothing)
    reader.protocol = Plain(reader)
    writer.protocol = Plain(writer)
    reader.can_write = writer.can_read = False
    reader.keeps_open = False
    for connect, end, pipe in (
        (loop.connect_read_pipe, reader, readable),
        (loop.connect_write_pipe, writer, writable),
    ):
        try:
            await connect(lambda end=end: end.protocol, pipe)
        except ValueError:
            # In debug mode a pipe that is closed already is asked for its number; asyncio does so too.
            if not loop.get_debug() or not end.closing:
                raise


async def datagrams(scene: Scene, name: str) -> None:
    """Two datagram sockets; each may be connected to the other."""
    loop, chance = scene.loop, scene.chance
    table = chance.randbytes(70_000)
    left, right = Datagrams(scene, 1, table), Datagrams(scene, 2, table[::-1])
    left.other, right.other = right, left
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for sock in sockets:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        if chance.random() < 0.3:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2048)
    for number, end in enumerate((left, right)):
        if chance.random() < 0.5:
            sockets[number].connect(sockets[1 - number].getsockname())
            end.connected = True
    await loop.create_datagram_endpoint(lambda: left, sock=sockets[0])
    await loop.create_datagram_endpoint(lambda: right, sock=sockets[1])


KINDS = (plain, plain, served, encrypted, encrypted, upgraded, piped, datagrams)
