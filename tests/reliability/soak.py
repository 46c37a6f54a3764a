"""A mixed load on one loop, for as long as is wanted: nothing may be lost, and nothing may grow.

TCP, TLS, Unix sockets, UDP, subprocesses, timers, executors and cancellations at random points, of one seed.
Every byte is checked by its hash at both ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import hashlib
import os
import random
import resource
import socket
import ssl
import statistics
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ferrio
from support.certificates import contexts

# A message is its length and its hash, then its bytes; the answer is the same message.
HEADER = struct.Struct("!I32s")


@dataclass
class Figures:
    """What a run has done, and what it has found."""

    seconds: float = 0.0
    rounds: Counter[str] = field(default_factory=Counter)
    cancelled: Counter[str] = field(default_factory=Counter)
    bytes_checked: int = 0
    # Resident memory in MB, open descriptors and threads: after the warm-up and at the end.
    memory: list[float] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    # How late a timer of 10 ms was at the median, in ms: in the first and in the last quarter.
    lateness: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def measure(self) -> None:
        """Write down what the process holds now."""
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        self.memory.append(pages * resource.getpagesize() / 1e6)
        self.descriptors.append(len(os.listdir("/proc/self/fd")))
        self.threads.append(len(os.listdir("/proc/self/task")))


class Load:
    """The load."""

    def __init__(self, seed: int, seconds: float) -> None:
        self.chance = random.Random(seed)
        self.end = time.monotonic() + seconds
        self.begun = time.monotonic()
        self.figures = Figures()
        self.late: list[float] = []

    def message(self, most: int) -> bytes:
        """Return random bytes behind their header."""
        data = self.chance.randbytes(int(self.chance.random() ** 4 * most))
        return HEADER.pack(len(data), hashlib.sha256(data).digest()) + data

    def check(self, header: bytes, data: bytes) -> None:
        """Compare bytes with their hash."""
        length, digest = HEADER.unpack(header)
        if len(data) != length or hashlib.sha256(data).digest() != digest:
            raise AssertionError(f"{len(data)} of {length} bytes have come, and they are others")
        self.figures.bytes_checked += len(data)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Check each message and send it back."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            while True:
                header = await reader.readexactly(HEADER.size)
                data = await reader.readexactly(HEADER.unpack(header)[0])
                self.check(header, data)
                writer.write(header + data)
                await writer.drain()
        writer.close()

    async def exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Send messages, and check what comes back."""
        try:
            for _ in range(self.chance.randint(1, 5)):
                message = self.message(300_000)
                writer.write(message)
                header = await reader.readexactly(HEADER.size)
                self.check(header, await reader.readexactly(len(message) - HEADER.size))
                await writer.drain()
        finally:
            if self.chance.random() < 0.2:
                writer.transport.abort()
            writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()

    async def tcp(self) -> None:
        await self.exchange(*await asyncio.open_connection(*self.tcp_address))

    async def tls(self) -> None:
        connection = asyncio.open_connection(
            *self.tls_address, ssl=self.client_context, server_hostname="soak"
        )
        await self.exchange(*await connection)

    async def unix(self) -> None:
        await self.exchange(*await asyncio.open_unix_connection(self.unix_address))

    async def low_level(self) -> None:
        loop = asyncio.get_running_loop()
        with socket.socket() as sock:
            sock.setblocking(False)
            await loop.sock_connect(sock, self.tcp_address)
            message = self.message(100_000)
            sending = asyncio.create_task(loop.sock_sendall(sock, message))
            answer = b""
            try:
                while len(answer) < len(message):
                    if not (piece := await loop.sock_recv(sock, 65_536)):
                        raise AssertionError("the server has closed the connection")
                    answer += piece
            finally:
                sending.cancel()
            self.check(answer[: HEADER.size], answer[HEADER.size :])

    async def udp(self) -> None:
        loop = asyncio.get_running_loop()
        load, answers = self, asyncio.Queue()  # type: ignore[var-annotated]

        class Client(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: Any) -> None:
                answers.put_nowait(data)

        transport, _ = await loop.create_datagram_endpoint(Client, remote_addr=self.udp_address)
        try:
            for _ in range(3):
                transport.sendto(load.message(8000))
                # A datagram may be lost.
                with contextlib.suppress(TimeoutError):
                    data = await asyncio.wait_for(answers.get(), 0.5)
                    load.check(data[: HEADER.size], data[HEADER.size :])
        finally:
            transport.close()

    async def subprocess(self) -> None:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec("cat", stdin=pipe, stdout=pipe)
        message = self.message(200_000)
        try:
            output, _ = await process.communicate(message)
            self.check(output[: HEADER.size], output[HEADER.size :])
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            # Up to 3.12 wait() waits for the pipes too, which nobody reads any more if this was cancelled.
            process._transport.close()  # type: ignore[attr-defined]
            await asyncio.shield(process.wait())

    async def timers(self) -> None:
        loop = asyncio.get_running_loop()
        handles = [loop.call_later(self.chance.random() / 20, int) for _ in range(100)]
        for handle in self.chance.sample(handles, 50):
            handle.cancel()
        start = loop.time()
        await asyncio.sleep(0.01)
        self.late.append((loop.time() - start - 0.01) * 1000)

    async def executors(self) -> None:
        data = self.chance.randbytes(10_000)
        digest = await asyncio.to_thread(lambda: hashlib.sha256(data).digest())
        self.check(HEADER.pack(len(data), digest), data)
        loop = asyncio.get_running_loop()
        called = asyncio.Event()
        await loop.run_in_executor(None, loop.call_soon_threadsafe, called.set)
        await called.wait()

    async def tasks(self) -> None:
        queue: asyncio.Queue[int] = asyncio.Queue(3)
        lock = asyncio.Lock()

        async def produce() -> None:
            for number in range(20):
                async with lock:
                    await queue.put(number)
                await asyncio.sleep(0)

        async with asyncio.TaskGroup() as group:
            group.create_task(produce())
            got = [await queue.get() for _ in range(20)]
        if got != list(range(20)):
            raise AssertionError(f"a queue has given {got}")

    async def worker(self, kinds: list[Callable[[], Awaitable[None]]]) -> None:
        """Do one thing after another, and cancel some in the middle."""
        while time.monotonic() < self.end:
            kind = self.chance.choice(kinds)
            name = kind.__name__
            task = asyncio.ensure_future(kind())
            is_cancelled = self.chance.random() < 0.15
            if is_cancelled:
                asyncio.get_running_loop().call_later(self.chance.random() ** 3 / 20, task.cancel)
            try:
                await asyncio.wait_for(asyncio.shield(task), 30)
            except asyncio.CancelledError:
                self.figures.cancelled[name] += 1
            except Exception as error:
                task.cancel()
                self.figures.errors.append(f"{name}: {error!r}")
            else:
                self.figures.rounds[name] += 1

    async def watch(self) -> None:
        """Measure after the warm-up; the end is measured when all is closed."""
        await asyncio.sleep((self.end - time.monotonic()) / 3)
        self.figures.measure()

    async def main(self) -> None:
        """Run all of it."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self.unhandled)
        server_context, self.client_context = contexts("soak")
        with tempfile.TemporaryDirectory() as folder:
            self.unix_address = f"{folder}/socket"
            servers = [
                await asyncio.start_server(self.serve, "127.0.0.1", 0),
                await asyncio.start_server(self.serve, "127.0.0.1", 0, ssl=server_context),
                await asyncio.start_unix_server(self.serve, self.unix_address),
            ]
            self.tcp_address, self.tls_address = (server.sockets[0].getsockname() for server in servers[:2])
            load = self

            class Echo(asyncio.DatagramProtocol):
                def connection_made(self, transport: Any) -> None:
                    self.transport = transport

                def datagram_received(self, data: bytes, addr: Any) -> None:
                    load.check(data[: HEADER.size], data[HEADER.size :])
                    self.transport.sendto(data, addr)

            endpoint, _ = await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
            self.udp_address = endpoint.get_extra_info("sockname")
            streams = [self.tcp, self.tls, self.unix, self.low_level, self.udp]
            others = [self.timers, self.executors, self.tasks]
            workers = [self.worker(streams) for _ in range(8)]
            workers += [self.worker([self.subprocess]), self.worker(others), self.worker(others)]
            await asyncio.gather(self.watch(), *workers)
            endpoint.close()
            for server in servers:
                server.close()
            await asyncio.sleep(0.5)
            self.figures.measure()
        self.figures.seconds = time.monotonic() - self.begun
        quarter = max(1, len(self.late) // 4)
        self.figures.lateness = [
            statistics.median(self.late[:quarter]),
            statistics.median(self.late[-quarter:]),
        ]

    def unhandled(self, loop: Any, context: dict[str, Any]) -> None:
        """Nothing may come to the loop's exception handler; a connection's end may."""
        if not isinstance(context.get("exception"), (ConnectionError, ssl.SSLError)):
            self.figures.errors.append(f"{context['message']}: {context.get('exception')!r}")


def run(seconds: float, seed: int = 1) -> Figures:
    """Run the load for so many seconds."""
    load = Load(seed, seconds)
    ferrio.run(load.main())
    return load.figures


def failures(figures: Figures) -> list[str]:
    """Return what is wrong with a run; nothing, if nothing is."""
    found = list(figures.errors)
    if figures.memory[1] > figures.memory[0] * 1.15 + 10:
        found.append(f"memory has grown: {figures.memory} MB")
    if figures.descriptors[1] > figures.descriptors[0]:
        found.append(f"descriptors have grown: {figures.descriptors}")
    if figures.threads[1] > figures.threads[0] + 1:
        found.append(f"threads have grown: {figures.threads}")
    if figures.lateness[1] > figures.lateness[0] * 2 + 5:
        found.append(f"timers have become later: {figures.lateness} ms")
    idle = {"tcp", "tls", "unix", "low_level", "udp", "subprocess", "timers", "executors", "tasks"} - set(
        figures.rounds
    )
    if idle:
        found.append(f"nothing was done of {sorted(idle)}")
    return found


if __name__ == "__main__":
    result = run(float(sys.argv[1]))
    print(result)
    sys.exit("\n".join(failures(result)) or 0)
