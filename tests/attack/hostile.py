"""Hostile peers, hostile programs, and a system that has no more to give.

Each seed plays one of the scenes at the end, each in its turn. `hostile_tls.py` has those of TLS connections.
"""

from __future__ import annotations

import asyncio
import errno
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import arena
from hostile_tls import (
    certificates_of_clients,
    closed_in_a_handshake,
    cut_handshakes,
    lying_records,
    renewed_keys,
)
from service import (
    TLS_LIMITS,
    Echo,
    Scene,
    answer,
    check_service,
    counting_echo,
    list_of_transports,
    play,
    until,
)
from support.sockets import reset_on_close


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
