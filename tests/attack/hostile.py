"""Hostile peers, hostile programs, and a system that has no more to give.

Each seed plays one of the scenes below, each in its turn.
"""

from __future__ import annotations

import asyncio
import errno
import os
import random
import resource
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import arena
from support.sockets import reset_on_close
from tls_endings import Peer

TLS_LIMITS: dict[str, Any] = {"ssl_handshake_timeout": 4, "ssl_shutdown_timeout": 2}

# A scene: the loop, its chances, where faults go, its figures.
Scene = Callable[[Any, random.Random, arena.Faults, "dict[str, int]"], None]


class Echo(asyncio.Protocol):
    """Sends back what comes, and counts its ends."""

    made = lost = 0

    def connection_made(self, transport: Any) -> None:
        type(self).made += 1
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        type(self).lost += 1


def counting_echo() -> Any:
    """Return a class of its own for each scene."""
    return type("Echo", (Echo,), {"made": 0, "lost": 0})


async def until(condition: Callable[[], bool], patience: float = arena.PATIENCE) -> bool:
    """Wait until a condition holds; False if it does not in time."""
    limit = time.monotonic() + patience
    while not condition():
        if time.monotonic() > limit:
            return False
        await asyncio.sleep(0.002)
    return True


async def check_service(address: Any, context: Any, faults: arena.Faults, what: str) -> None:
    """Whatever has happened, others are served."""
    try:
        async with asyncio.timeout(arena.PATIENCE):
            reader, writer = await arena.library().open_connection(
                *address[:2], ssl=context, server_hostname="localhost" if context else None
            )
            message = os.urandom(20_000)
            writer.write(message)
            if await reader.readexactly(len(message)) != message:
                faults.add(f"{what}: other bytes afterwards")
            writer.close()
            await writer.wait_closed()
    except (OSError, EOFError) as error:
        faults.add(f"{what}: nobody is served afterwards: {error!r}")


def play(main: Any, loop: Any, faults: arena.Faults) -> None:
    """Run a coroutine on the loop, whose reports are faults if nobody provoked them."""
    loop.set_exception_handler(faults.handler)
    loop.run_until_complete(asyncio.wait_for(main, 20))


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


def no_descriptors(loop: Any, chance: random.Random, faults: arena.Faults, figures: dict[str, int]) -> None:
    """accept() and socket() fail with EMFILE; afterwards all are served."""
    faults.expected = (*faults.expected, OSError)
    context = chance.choice([None, chance.choice(arena.VERSIONS)])
    server, client = arena.certificates.contexts(context) if context else (None, None)
    echo = counting_echo()
    options = TLS_LIMITS if context else {}
    before = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def main() -> None:
        listener = await loop.create_server(echo, "127.0.0.1", 0, ssl=server, **options)
        address = listener.sockets[0].getsockname()
        peers = [socket.socket() for _ in range(30)]
        highest = max(int(name) for name in os.listdir("/proc/self/fd"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1 + chance.randrange(3), before[1]))
        try:
            for peer in peers:
                peer.setblocking(False)
                peer.connect_ex(address)
            for _ in range(chance.randrange(1, 20)):
                await asyncio.sleep(0.002)
            try:
                await asyncio.wait_for(loop.create_connection(Echo, *address), 2)
                figures["connected"] = 1
            except OSError as error:
                if error.errno != errno.EMFILE and not isinstance(error, TimeoutError):
                    raise
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for peer in peers:
            peer.close()
        figures["connections"] = len(peers)
        # asyncio accepts again after a second.
        await check_service(address, client, faults, "EMFILE")
        listener.close()
        for transport in [one for one in list_of_transports() if not one.is_closing()]:
            transport.abort()
        if not await until(lambda: echo.lost == echo.made):
            faults.add(f"{echo.made} connections, {echo.lost} ends")

    play(main(), loop, faults)


def list_of_transports() -> list[Any]:
    """Return the transports of this process that the collector knows."""
    import gc

    return [one for one in gc.get_objects() if isinstance(one, asyncio.Transport)]


def resets(loop: Any, chance: random.Random, faults: arena.Faults, figures: dict[str, int]) -> None:
    """A storm of connections that are reset, some before they are accepted."""
    context = chance.choice([None, chance.choice(arena.VERSIONS)])
    server, client = arena.certificates.contexts(context) if context else (None, None)
    echo = counting_echo()

    async def main() -> None:
        listener = await loop.create_server(
            echo,
            "127.0.0.1",
            0,
            ssl=server,
            backlog=chance.choice([1, 100]),
            **(TLS_LIMITS if context else {}),
        )
        address = listener.sockets[0].getsockname()
        for _ in range(30):
            peers = []
            for _ in range(chance.randrange(1, 20)):
                peer = socket.socket()
                peer.setblocking(False)
                peer.connect_ex(address)
                peers.append(peer)
            if chance.random() < 0.7:
                await asyncio.sleep(0)
            for peer in peers:
                try:
                    peer.send(b"x" * chance.choice([1, 1000, 100_000]))
                    if chance.random() < 0.3:
                        await asyncio.sleep(0)
                except OSError:
                    pass
                reset_on_close(peer)
                peer.close()
            figures["connections"] = figures.get("connections", 0) + len(peers)
        await check_service(address, client, faults, "resets")
        listener.close()
        if not await until(lambda: echo.lost == echo.made):
            faults.add(f"{echo.made} connections, {echo.lost} ends")

    play(main(), loop, faults)


def children(loop: Any, chance: random.Random, faults: arena.Faults, figures: dict[str, int]) -> None:
    """Many children at once; some are killed, some are waited for by nobody."""

    async def one() -> None:
        library = arena.library()
        kind = chance.randrange(4)
        program = ["true"] if kind < 2 else ["sleep", "60"] if kind == 2 else ["cat"]
        pipe = asyncio.subprocess.PIPE if kind == 3 else None
        child = await library.create_subprocess_exec(*program, stdin=pipe, stdout=pipe)
        if kind == 2:
            await asyncio.sleep(chance.choice([0, 0.001]))
            child.kill() if chance.random() < 0.5 else child.send_signal(signal.SIGTERM)
        if kind == 3:
            message = os.urandom(chance.choice([0, 1, 100_000]))
            output, _ = await child.communicate(message)
            if output != message:
                faults.add(f"cat gave {len(output)} other bytes for {len(message)}")
        status = await child.wait()
        expected = {0} if kind != 2 else {-signal.SIGKILL, -signal.SIGTERM}
        if status not in expected:
            faults.add(f"{program} ended with {status}")
        figures["children"] = figures.get("children", 0) + 1

    async def main() -> None:
        for _ in range(chance.choice([1, 3])):
            await asyncio.gather(*(one() for _ in range(chance.choice([10, 100]))))

    play(main(), loop, faults)


def two_upgrades(loop: Any, chance: random.Random, faults: arena.Faults, figures: dict[str, int]) -> None:
    """Two start_tls() at once on one transport: each must end, with success or an error."""
    server, client = arena.certificates.contexts(chance.choice(arena.VERSIONS))

    async def main() -> None:
        left, right = socket.socketpair()
        ours, our_protocol = await loop.create_connection(Echo, sock=left)
        theirs, their_protocol = await loop.create_connection(Echo, sock=right)
        options: dict[str, Any] = {"ssl_handshake_timeout": 1, "ssl_shutdown_timeout": 1}

        def upgrade(of_ours: bool) -> Any:
            if of_ours:
                return loop.start_tls(ours, our_protocol, client, server_hostname="localhost", **options)
            return loop.start_tls(theirs, their_protocol, server, server_side=True, **options)

        order = [True, True, *chance.choice([[], [False], [False, False]])]
        chance.shuffle(order)
        tasks = []
        for of_ours in order:
            tasks.append(loop.create_task(upgrade(of_ours)))
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(chance.choice([0, 0.001]))
        _, pending = await asyncio.wait(tasks, timeout=arena.PATIENCE)
        for task in pending:
            faults.add(f"start_tls does not end: {task}")
            task.cancel()
        for task in tasks:
            if task not in pending and task.exception() is not None:
                error = task.exception()
                if not isinstance(error, (OSError, RuntimeError, TypeError)):
                    faults.exception("start_tls", error)
        figures["connections"] = 1
        for transport in (ours, theirs):
            transport.abort()
        await asyncio.sleep(0.05)

    play(main(), loop, faults)


def tracers_that_raise(
    loop: Any, chance: random.Random, faults: arena.Faults, figures: dict[str, int]
) -> None:
    """Trace and profile functions that raise in the middle of callbacks; the loop can be used afterwards."""
    faults.expected = (BaseException,)
    loop.set_exception_handler(faults.handler)
    events = [0]
    rate = chance.choice([50, 500])

    def raising(frame: Any, event: str, argument: Any) -> Any:
        events[0] += 1
        name = frame.f_code.co_filename
        if ("hostile" in name or "ferrio" in name) and chance.randrange(rate) == 0:
            raise arena.Evil("tracer")
        return raising

    async def busy() -> None:
        reader, writer = await arena.library().open_connection(sock=pair[0])
        queue = arena.library().Queue()
        for number in range(200):
            try:
                writer.write(b"x" * number)
                queue.put_nowait(number)
                await queue.get()
                await asyncio.sleep(0)
                if number % 20 == 0:
                    # Python removes a tracer that raises.
                    install(raising)
            except arena.Evil:
                install(raising)
        writer.close()

    def stop(_: Any) -> None:
        loop.stop()

    pair = socket.socketpair()
    install = chance.choice([sys.settrace, sys.setprofile])
    for _ in range(3):
        task = loop.create_task(busy())
        timer = loop.call_later(1, loop.stop)
        task.add_done_callback(stop)
        install(raising)
        try:
            loop.run_forever()
        except arena.Evil:
            pass
        finally:
            sys.settrace(None)
            sys.setprofile(None)
        timer.cancel()
        task.remove_done_callback(stop)
        task.cancel()
        # A tracer may have raised where stop() was on its way.
        loop.call_soon(loop.stop)
        loop.run_forever()
        try:
            loop.run_until_complete(asyncio.wait([task], timeout=2))
        except arena.Evil:
            pass
        if not task.done():
            faults.add(f"the task does not end: {task}")
        elif not task.cancelled():
            task.exception()
    for sock in pair:
        sock.close()
    figures["operations"] = events[0]
    if loop.run_until_complete(answer()) != 42:
        faults.add("the loop is of no use afterwards")


async def answer() -> int:
    """A coroutine that waits once."""
    await asyncio.sleep(0.001)
    return 42


def forks(loop: Any, chance: random.Random, faults: arena.Faults, figures: dict[str, int]) -> None:
    """Fork with TLS connections open: the child runs a loop of its own, the parent's connections go on."""
    server, client = arena.certificates.contexts(chance.choice(arena.VERSIONS))
    echo = counting_echo()

    def child() -> int:
        # The parent's loop is left as it is, or let go of, or closed.
        try:
            asyncio.events._set_running_loop(None)
            other = arena.new_loop()

            async def inside() -> int:
                listener = await other.create_server(counting_echo(), "127.0.0.1", 0, ssl=server)
                await check_service(listener.sockets[0].getsockname(), client, faults, "child")
                listener.close()
                return await answer()

            good = other.run_until_complete(asyncio.wait_for(inside(), 8)) == 42 and not faults.found
            other.close()
            if chance.random() < 0.5:
                for transport in list_of_transports():
                    transport.abort()
            return 0 if good else 1
        except BaseException as error:
            sys.stderr.write(f"child: {error!r} {faults.found}\n")
            return 1

    async def main() -> None:
        listener = await loop.create_server(echo, "127.0.0.1", 0, ssl=server, **TLS_LIMITS)
        address = listener.sockets[0].getsockname()
        streams = [
            await arena.library().open_connection(*address, ssl=client, server_hostname="localhost")
            for _ in range(3)
        ]
        for number in range(3):
            for _, writer in streams:
                writer.write(b"%d" % number * 50_000)
            if chance.random() < 0.5:
                await asyncio.sleep(0)
            sys.stdout.flush()
            pid = os.fork()
            if pid == 0:
                status = 1
                try:
                    signal.alarm(10)
                    status = child()
                finally:
                    os._exit(status)
            for reader, _ in streams:
                data = await asyncio.wait_for(reader.readexactly(50_000), arena.PATIENCE)
                if data != b"%d" % number * 50_000:
                    faults.add("other bytes after a fork")
            limit = time.monotonic() + 12
            while (found := os.waitpid(pid, os.WNOHANG)) == (0, 0):
                if time.monotonic() > limit:
                    os.kill(pid, signal.SIGKILL)
                await asyncio.sleep(0.005)
            if found[1] != 0:
                faults.add(f"the child ended with {os.waitstatus_to_exitcode(found[1])}")
            figures["children"] = figures.get("children", 0) + 1
        for _, writer in streams:
            writer.close()
        listener.close()
        if not await until(lambda: echo.lost == 3):
            faults.add(f"3 connections, {echo.lost} ends")

    play(main(), loop, faults)


def strict_interpreters(
    loop: Any, chance: random.Random, faults: arena.Faults, figures: dict[str, int]
) -> None:
    """The other attacks under PYTHONMALLOC=debug and PYTHONDEVMODE=1, in a process of their own."""
    name = chance.choice(["transports", "tls_endings"])
    variables = {**os.environ, **chance.choice([{"PYTHONMALLOC": "debug"}, {"PYTHONDEVMODE": "1"}])}
    command = [sys.executable, str(Path(__file__).with_name(name + ".py")), str(chance.randrange(10**6))]
    if arena.on_asyncio:
        command.append("--asyncio")
    try:
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=20)
    except subprocess.TimeoutExpired:
        faults.add(f"{command} takes too long")
        return
    if done.returncode != 0:
        faults.add(f"{command[1:]} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    figures["children"] = 1


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


SCENES: tuple[Scene, ...] = (
    renewed_keys,
    certificates_of_clients,
    cut_handshakes,
    closed_in_a_handshake,
    no_descriptors,
    resets,
    children,
    two_upgrades,
    tracers_that_raise,
    forks,
    strict_interpreters,
    lying_records,
)


def run(seed: int) -> dict[str, int]:
    """Run one seed."""
    scene = SCENES[seed % len(SCENES)]

    def program(chance: random.Random, faults: arena.Faults, figures: dict[str, int]) -> None:
        threads = threading.active_count()
        loop = arena.new_loop()
        asyncio.set_event_loop(loop)
        try:
            scene(loop, chance, faults, figures)
        except TimeoutError:
            faults.add(f"{scene.__name__} does not end")
        finally:
            if not loop.is_closed():
                loop.run_until_complete(asyncio.sleep(0))
                loop.run_until_complete(loop.shutdown_default_executor())
                loop.close()
            asyncio.set_event_loop(None)
        if threading.active_count() > threads:
            faults.add(f"threads are left: {threading.enumerate()}")

    return arena.attack(seed, program)


if __name__ == "__main__":
    arena.main(run)
