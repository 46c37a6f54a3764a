"""Hostile peers of TLS connections."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import socket
import ssl
import struct
import subprocess
import time
from typing import Any

import arena
from service import (
    TLS_LIMITS,
    Echo,
    check_service,
    counting_echo,
    play,
    until,
)
from support.sockets import reset_on_close
from tls_endings import Peer


def renewed_keys(loop: Any, chance: random.Random, faults: arena.Faults, figures: dict[str, int]) -> None:
    """openssl as the peer: KeyUpdate floods (TLS 1.3), renegotiation (TLS 1.2), as client and as server."""
    if shutil.which("openssl") is None:
        figures["without_openssl"] = 1
        return
    version = chance.choice(arena.VERSIONS)
    ours_is_server = chance.random() < 0.5
    flags = ["-tls1_3" if version is ssl.TLSVersion.TLSv1_3 else "-tls1_2"]
    is_new = version is ssl.TLSVersion.TLSv1_3
    # s_server's are r and R for renegotiation; K asks for an update in return, k does not.
    commands = [b"K\n", b"k\n"] if is_new else [b"R\n"] if ours_is_server else [b"r\n", b"R\n"]
    flood = chance.choice([1, 20, 300])
    got = bytearray()

    class Sink(asyncio.Protocol):
        lost = 0

        def connection_made(self, transport: Any) -> None:
            self.transport = transport
            transport.write(b"hello\n")

        def data_received(self, data: bytes) -> None:
            got.extend(data)
            if chance.random() < 0.2:
                self.transport.write(b"more\n")

        def connection_lost(self, exc: BaseException | None) -> None:
            Sink.lost += 1

    async def main() -> None:
        server, client = arena.certificates.contexts(version)
        with arena.folder() as folder:
            both, _ = arena.certificates.files(folder)
            if ours_is_server:
                listener = await loop.create_server(Sink, "127.0.0.1", 0, ssl=server, **TLS_LIMITS)
                host, port = listener.sockets[0].getsockname()
                program = ["openssl", "s_client", "-connect", f"{host}:{port}", *flags]
            else:
                with socket.socket() as free:
                    free.bind(("127.0.0.1", 0))
                    port = free.getsockname()[1]
                # Without a file for DH parameters, and one connection only.
                program = [
                    "openssl",
                    "s_server",
                    "-accept",
                    f"127.0.0.1:{port}",
                    "-cert",
                    both,
                    "-naccept",
                    "1",
                    *flags,
                ]
            child = subprocess.Popen(
                program,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=folder,
            )
            try:
                if not ours_is_server:
                    limit = time.monotonic() + arena.PATIENCE
                    while True:
                        try:
                            await loop.create_connection(
                                Sink, "127.0.0.1", port, ssl=client, server_hostname="localhost", **TLS_LIMITS
                            )
                            break
                        except ConnectionRefusedError:
                            if time.monotonic() > limit:
                                raise
                            await asyncio.sleep(0.01)
                lines = [line for number in range(flood) for line in (b"line %d\n" % number, *commands)]
                os.set_blocking(child.stdin.fileno(), False)
                limit = time.monotonic() + 4
                written = 0
                for line in lines:
                    if time.monotonic() > limit or Sink.lost:
                        break
                    try:
                        os.write(child.stdin.fileno(), line)
                    except (BlockingIOError, BrokenPipeError):
                        break
                    written += line in commands
                    # openssl takes a command only at the beginning of what it reads at once.
                    await asyncio.sleep(0.001)
                await until(lambda: bool(got) or Sink.lost > 0, 3)
                figures["bytes"] = len(got)
                # What was not taken for a command was sent to us.
                figures["renewals"] = written - sum(got.count(b"\n" + command) for command in commands)
            finally:
                child.kill()
                child.wait()
                child.stdin.close()
            if not await until(lambda: Sink.lost == 1):
                faults.add(f"connection_lost {Sink.lost} times after openssl was killed")
            if ours_is_server:
                listener.close()

    play(main(), loop, faults)


def certificates_of_clients(
    loop: Any, chance: random.Random, faults: arena.Faults, figures: dict[str, int]
) -> None:
    """Client certificates that are right, missing, or somebody else's; ALPN; PSK where there is one."""
    version = chance.choice(arena.VERSIONS)
    server, client = arena.certificates.fresh(version)
    kind = chance.choice(["right", "missing", "stranger", "alpn", "psk"])
    protocols = None
    match kind:
        case "right" | "missing" | "stranger":
            server.verify_mode = ssl.CERT_REQUIRED
            arena.certificates.authority.configure_trust(server)
            if kind == "right":
                arena.certificates.client_certificate.configure_cert(client)
            elif kind == "stranger":
                arena.certificates.stranger.issue_cert("somebody@example.org").configure_cert(client)
        case "alpn":
            server.set_alpn_protocols(["one", "two"])
            client.set_alpn_protocols(chance.choice([["two"], ["three"], ["two", "one"]]))
        case "psk" if hasattr(client, "set_psk_client_callback"):
            for context in (server, client):
                context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
                context.set_ciphers("PSK")
            client.check_hostname = False
            client.verify_mode = ssl.CERT_NONE
            right = chance.random() < 0.5
            raises = chance.random() < 0.3

            def server_key(identity: str | None) -> bytes:
                if raises:
                    raise arena.Evil("psk")
                return b"key" if right else b"other"

            client.set_psk_client_callback(lambda hint: ("me", b"key"))
            server.set_psk_server_callback(server_key, "hint")
            kind = "psk" if right and not raises else "wrong psk"
        case "psk":
            kind = "right"
    echo = counting_echo()
    arena.trace(kind)

    async def main() -> None:
        listener = await loop.create_server(echo, "127.0.0.1", 0, ssl=server, **TLS_LIMITS)
        address = listener.sockets[0].getsockname()
        wrong = kind in ("missing", "stranger", "wrong psk")
        for _ in range(5):
            figures["connections"] = figures.get("connections", 0) + 1
            try:
                async with asyncio.timeout(arena.PATIENCE):
                    reader, writer = await arena.library().open_connection(
                        *address, ssl=client, server_hostname="localhost", **TLS_LIMITS
                    )
                    writer.write(b"x" * 50_000)
                    await reader.readexactly(50_000)
                    if wrong:
                        faults.add(f"{kind}: served")
                    writer.close()
                    await writer.wait_closed()
            except (OSError, EOFError) as error:
                if not wrong and kind != "alpn":
                    faults.add(f"{kind}: {error!r}")
        if not await until(lambda: echo.lost == echo.made):
            faults.add(f"{kind}: {echo.made} connections, {echo.lost} ends")
        listener.close()

    play(main(), loop, faults)


def cut_handshakes(loop: Any, chance: random.Random, faults: arena.Faults, figures: dict[str, int]) -> None:
    """A peer that is gone after n bytes of its handshake, with a FIN or an RST; as client and as server."""
    version = chance.choice(arena.VERSIONS)
    server, client = arena.certificates.contexts(version)
    ours_is_server = chance.random() < 0.5
    echo = counting_echo()

    async def one(address: Any, number: int, listener: Any) -> None:
        if ours_is_server:
            sock = socket.socket()
            sock.connect(address)
            connecting = None
        else:
            connecting = loop.create_task(
                loop.create_connection(echo, *address, ssl=client, server_hostname="localhost", **TLS_LIMITS)
            )
            while True:
                try:
                    sock, _ = listener.accept()
                    break
                except BlockingIOError:
                    await asyncio.sleep(0.001)
        peer = Peer(sock, client if ours_is_server else server, ours_is_server)
        left = number
        limit = time.monotonic() + 2
        while left > 0 and time.monotonic() < limit:
            try:
                peer.object.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                done = False
            data = peer.outgoing.read()[:left]
            try:
                sock.sendall(data)
            except BlockingIOError:
                break
            except OSError:
                break
            left -= len(data)
            if done:
                break
            if not data:
                try:
                    peer.listen()
                except OSError:
                    break
            await asyncio.sleep(0)
        await asyncio.sleep(chance.choice([0, 0.002]))
        if chance.random() < 0.5:
            reset_on_close(sock)
        sock.close()
        figures["connections"] = figures.get("connections", 0) + 1
        if connecting is not None:
            try:
                transport, _ = await asyncio.wait_for(connecting, arena.PATIENCE)
                if transport is not None:
                    transport.abort()
            except TimeoutError:
                faults.add(f"the handshake that was cut after {number} bytes does not end")
            except OSError:
                pass

    async def main() -> None:
        numbers = [chance.choice([0, 1, 5, chance.randrange(3000)]) for _ in range(40)]
        if ours_is_server:
            served = await loop.create_server(echo, "127.0.0.1", 0, ssl=server, **TLS_LIMITS)
            address = served.sockets[0].getsockname()
            for number in numbers:
                await one(address, number, None)
            await check_service(address, client, faults, "cut handshakes")
            served.close()
        else:
            with socket.socket() as listener:
                listener.bind(("127.0.0.1", 0))
                listener.listen(5)
                listener.setblocking(False)
                for number in numbers:
                    await one(listener.getsockname(), number, listener)
        if not await until(lambda: echo.lost == echo.made):
            faults.add(f"{echo.made} connections, {echo.lost} ends")

    play(main(), loop, faults)


def closed_in_a_handshake(
    loop: Any, chance: random.Random, faults: arena.Faults, figures: dict[str, int]
) -> None:
    """The loop is closed in the middle of handshakes; what is left over dies in any order."""
    server, client = arena.certificates.contexts(chance.choice(arena.VERSIONS))
    loop.set_exception_handler(faults.handler)
    # start_tls() that is thrown away closes its transport, which the closed loop does not like; so it is with asyncio.
    faults.ignored = "Task was destroyed"
    faults.closed_loop = True
    kept: list[Any] = []

    async def main() -> None:
        listener = await loop.create_server(counting_echo(), "127.0.0.1", 0, ssl=server)
        address = listener.sockets[0].getsockname()
        kept.append(listener)
        for _ in range(10):
            kept.append(
                loop.create_task(
                    loop.create_connection(Echo, *address, ssl=client, server_hostname="localhost")
                )
            )
            left, right = socket.socketpair()
            kept.append(right)
            transport, protocol = await loop.create_connection(Echo, sock=left)
            kept.append(loop.create_task(loop.start_tls(transport, protocol, server, server_side=True)))
            kept.append(transport)
        for _ in range(chance.randrange(30)):
            await asyncio.sleep(chance.choice([0, 0.001]))

    loop.run_until_complete(main())
    loop.close()
    figures["connections"] = 20
    chance.shuffle(kept)
    while kept:
        one = kept.pop()
        # A closed loop's transports may still be spoken to.
        if isinstance(one, asyncio.Transport) and chance.random() < 0.5:
            for method in (one.abort, one.close, lambda one=one: one.write(b"x"), one.pause_reading):
                try:
                    method()
                except (RuntimeError, OSError, AttributeError):
                    pass
        if isinstance(one, socket.socket):
            one.close()


def lying_records(loop: Any, chance: random.Random, faults: arena.Faults, figures: dict[str, int]) -> None:
    """A peer whose handshake is right and whose records are not: bits changed, records doubled, cut, thrown away."""
    version = chance.choice(arena.VERSIONS)
    server, client = arena.certificates.contexts(version)
    sent = os.urandom(100_000)
    got = bytearray()
    ends = []

    class Sink(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            got.extend(data)

        def connection_lost(self, exc: BaseException | None) -> None:
            ends.append(exc)

    async def main() -> None:
        left, right = socket.socketpair()
        peer = Peer(right, client, True)
        connecting = loop.create_task(loop.connect_accepted_socket(Sink, left, ssl=server, **TLS_LIMITS))
        await peer.shake_hands()
        await connecting
        for place in range(0, len(sent), 5000):
            peer.object.write(sent[place : place + 5000])
        data = bytearray(peer.outgoing.read())
        place = chance.randrange(len(data))
        match chance.randrange(5):
            case 0:
                data[place] ^= 1 << chance.randrange(8)
            case 1:
                del data[place : place + chance.randrange(1, 6000)]
            case 2:
                data[place:place] = data[place : place + chance.randrange(1, 6000)]
            case 3:
                data[place:] = os.urandom(len(data) - place)
            case 4:
                data[place:place] = (
                    struct.pack("!BHH", chance.choice([20, 21, 22, 23, 99]), 0x0303, 2) + b"\1\0"
                )
        data += b"\x17\x03\x03\x40\x00" + bytes(0x4000)
        peer.outgoing.write(bytes(data))
        try:
            await peer.flush()
            right.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        if not await until(lambda: bool(ends), 4):
            faults.add("a connection of which records are wrong does not end")
        right.close()
        if bytes(got) != sent[: len(got)]:
            faults.add("bytes that were never sent were delivered")
        figures["bytes"] = len(got)
        figures["connections"] = 1

    play(main(), loop, faults)
