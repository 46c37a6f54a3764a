"""Every ending of a TLS stream, and every shape of a BufferedProtocol's buffer.

A peer by hand (an ssl object on memory BIOs) shakes hands, sends records of random sizes, cut anywhere, and ends:
with close_notify, with a FIN alone, or with an RST after the last byte was read. Every byte that arrived must be
delivered, before the protocol hears of the end, and no byte may differ.
"""

from __future__ import annotations

import asyncio
import hashlib
import mmap
import random
import socket
import ssl
import time
from typing import Any

import arena
from support.sockets import new_buffer, reset_on_close

# Bytes of the stream; the largest is some hundred records.
SIZES = (0, 1, 100, 16_384, 16_385, 40_000, 200_000, 1_000_000)

# Bytes of the protocol's buffer.
BUFFERS = (1, 2, 3, 7, 100, 1000, 4096, 16_383, 16_384, 16_385, 32_768, 65_536)


class Receiver:
    """What is the same for both kinds of protocol: what has arrived, and how it ended."""

    def __init__(self, chance: random.Random, faults: arena.Faults, data: bytes) -> None:
        self.chance, self.faults, self.data = chance, faults, data
        self.count = 0
        self.hash = hashlib.blake2b()
        self.transport: Any = None
        self.lost: Any = None
        self.at_eof = False
        self.paused = False
        # How often the protocol pauses, and whether it answers what it gets.
        self.pauses = chance.choice([0, 0, 0, 0.05, 0.5])
        self.answers = chance.choice([0, 0, 0.1])
        # Reading that is not resumed before the end comes.
        self.sleeps = chance.choice([0, 0.001, 0.01])

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        if self.chance.random() < self.pauses:
            self.pause()

    def pause(self) -> None:
        if not self.paused and self.lost is None:
            self.paused = True
            self.transport.pause_reading()
            asyncio.get_running_loop().call_later(self.sleeps, self.resume)

    def resume(self) -> None:
        self.paused = False
        if self.lost is None and not self.transport.is_closing():
            self.transport.resume_reading()

    def arrived(self, data: bytes) -> None:
        if self.lost is not None:
            self.faults.add("data after connection_lost")
        elif self.at_eof:
            self.faults.add("data after eof_received")
        self.hash.update(data)
        place, self.count = self.count, self.count + len(data)
        if self.data[place : self.count] != data:
            self.faults.add(f"other bytes at {place}+{len(data)} of {len(self.data)}")
        if self.chance.random() < self.answers:
            self.transport.write(b"thanks")
        if self.chance.random() < self.pauses:
            self.pause()

    def eof_received(self) -> None:
        if self.at_eof:
            self.faults.add("eof_received twice")
        self.at_eof = True

    def connection_lost(self, exc: BaseException | None) -> None:
        if self.lost is not None:
            self.faults.add("connection_lost twice")
        self.lost = exc or True


class Plain(Receiver, asyncio.Protocol):
    """bytes, as they come."""

    def data_received(self, data: bytes) -> None:
        self.arrived(data)


class Buffered(Receiver, asyncio.BufferedProtocol):
    """Into buffers of any shape and size."""

    def __init__(self, chance: random.Random, faults: arena.Faults, data: bytes) -> None:
        super().__init__(chance, faults, data)
        sizes = [size for size in BUFFERS if size * 5000 >= len(data)]
        self.sizes = chance.sample(sizes, min(len(sizes), chance.choice([1, 1, 3])))
        self.kind = chance.choice(["bytearray", "view", "part", "array", "same", "map", "grows"])
        if arena.on_asyncio and chance.random() < 0.9:
            # asyncio's own code writes all but the first record into a copy of the others.
            self.kind = "view"
        self.same = bytearray(self.sizes[0])
        self.map = mmap.mmap(-1, max(self.sizes))
        self.buffer: Any = None

    def get_buffer(self, sizehint: int) -> Any:
        size = self.chance.choice(self.sizes)
        match self.kind:
            case "same":
                self.buffer = self.same
            case "map":
                self.buffer = self.map
            case "grows":
                # No buffer may still be looked at by somebody: one that is can't grow.
                self.same.extend(b"x")
                if len(self.same) > 65_536:
                    del self.same[1:]
                self.buffer = self.same
            case kind:
                self.buffer = new_buffer(kind, size)
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        with memoryview(self.buffer) as view, view.cast("B") as flat:
            if not 0 < nbytes <= len(flat):
                self.faults.add(f"buffer_updated({nbytes}) of {len(flat)}")
            data = bytes(flat[:nbytes])
        self.buffer = None
        self.arrived(data)


class Peer:
    """The other side, by hand."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, is_client: bool) -> None:
        self.sock = sock
        sock.setblocking(False)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        name = "localhost" if is_client else None
        self.object = context.wrap_bio(
            self.incoming, self.outgoing, server_side=not is_client, server_hostname=name
        )

    async def flush(self, cuts: Any = None) -> None:
        """Send what is encrypted, in pieces if there are sizes for them."""
        data = memoryview(self.outgoing.read())
        while data:
            size = next(cuts) if cuts else len(data)
            data = data[await self.send(data[:size]) :]

    async def send(self, data: Any) -> int:
        while True:
            try:
                count = self.sock.send(data)
                await asyncio.sleep(0)
                return count
            except BlockingIOError:
                self.listen()
                await asyncio.sleep(0.0005)

    def listen(self) -> bool:
        """Take what comes; False if nothing does."""
        try:
            data = self.sock.recv(1_000_000)
        except BlockingIOError:
            return False
        if not data:
            raise ConnectionResetError("the peer has closed")
        self.incoming.write(data)
        return True

    async def shake_hands(self) -> None:
        limit = time.monotonic() + arena.PATIENCE
        while True:
            try:
                self.object.do_handshake()
                await self.flush()
                return
            except ssl.SSLWantReadError:
                await self.flush()
            while not self.listen():
                if time.monotonic() > limit:
                    raise arena.Fault("the handshake does not end")
                await asyncio.sleep(0.0002)


async def play(chance: random.Random, faults: arena.Faults, figures: dict[str, int]) -> None:
    """One connection, from its handshake to its end."""
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(faults.handler)
    data = chance.randbytes(chance.choice(SIZES))
    is_server = chance.random() < 0.5
    contexts = arena.certificates.contexts(chance.choice(arena.VERSIONS))
    receiver = (Buffered if chance.random() < 0.75 else Plain)(chance, faults, data)
    ending = chance.choice(["close_notify", "FIN", "RST", "close_notify, RST", "half a record"])
    arena.trace(
        ending, type(receiver).__name__, vars(receiver).get("kind"), vars(receiver).get("sizes"), len(data)
    )
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        ours = socket.socket()
        ours.connect(listener.getsockname())
        theirs, _ = listener.accept()
    theirs.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    options: dict[str, Any] = {"ssl_handshake_timeout": 5, "ssl_shutdown_timeout": 2}
    upgrade = chance.random() < 0.3
    peer = Peer(theirs, contexts[1 if is_server else 0], is_server)

    async def connect() -> None:
        context = contexts[0 if is_server else 1]
        if upgrade:
            first, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
            if not is_server:
                options["server_hostname"] = "localhost"
            transport = await loop.start_tls(first, receiver, context, server_side=is_server, **options)
            receiver.connection_made(transport)
        elif is_server:
            await loop.connect_accepted_socket(lambda: receiver, ours, ssl=context, **options)
        else:
            await loop.create_connection(
                lambda: receiver, sock=ours, ssl=context, server_hostname="localhost", **options
            )

    connecting = loop.create_task(connect())
    await peer.shake_hands()
    if chance.random() < 0.5 or upgrade:
        # Otherwise the first records come together with the last of the handshake.
        await connecting
    # Records of these sizes, in pieces of those.
    record_sizes = chance.choice([[1, 5], [100, 1000], [16_384], [1, 16_384, 5000], [100_000]])
    cuts = chance.choice([None, [1, 2, 3], [5, 100, 1000], [16_384, 16_406, 16_413], [70_000], [1_000_000]])
    if len(data) > 50_000:
        # Smaller ones take too long.
        record_sizes = [size for size in record_sizes if size > 50] or [16_384]
        cuts = [size for size in cuts or [] if size > 50] or None
    at_once = chance.choice([1, 3, 50, 10_000])
    waits = chance.random() < 0.5
    pieces = iter(lambda: chance.choice(cuts), None) if cuts else None
    place = records = 0
    failed = False
    try:
        while place < len(data):
            size = chance.choice(record_sizes)
            peer.object.write(data[place : place + size])
            place, records = min(place + size, len(data)), records + 1
            if records % at_once == 0:
                await peer.flush(pieces)
                if waits and at_once > 1:
                    await asyncio.sleep(0.0005)
        if ending.startswith("close_notify"):
            # What waits is flushed, and the end stands behind it in the same piece.
            try:
                peer.object.unwrap()
            except ssl.SSLWantReadError:
                pass
        last = peer.outgoing.read()
        if ending == "half a record":
            peer.object.write(b"not whole")
            last += peer.outgoing.read()[:-1]
        peer.outgoing.write(last)
        await peer.flush(pieces)
        if "RST" in ending:
            # The kernel throws away what was not read when an RST comes.
            limit = time.monotonic() + arena.PATIENCE
            while receiver.count < len(data) and receiver.lost is None:
                if time.monotonic() > limit:
                    faults.add(f"{receiver.count} of {len(data)} arrived before the RST")
                    break
                await asyncio.sleep(0.001)
            reset_on_close(theirs)
            theirs.close()
        else:
            theirs.shutdown(socket.SHUT_WR)
    except (BrokenPipeError, ConnectionResetError) as error:
        faults.add(f"the peer could not send all: {error!r}")
        failed = True
    limit = time.monotonic() + arena.PATIENCE
    while receiver.lost is None and time.monotonic() < limit:
        if theirs.fileno() >= 0:
            try:
                if not theirs.recv(1_000_000):
                    theirs.close()
            except BlockingIOError:
                pass
            except OSError:
                theirs.close()
        await asyncio.sleep(0.001)
    try:
        await asyncio.wait_for(connecting, 5)
    except OSError as error:
        faults.exception(f"not connected: {error!r}", None)
    theirs.close()
    if receiver.lost is None:
        faults.add(f"connection_lost does not come after {ending}")
        receiver.transport.abort()
        await asyncio.sleep(0.05)
    if receiver.count != len(data) and not failed:
        kind = f"{type(receiver).__name__} {vars(receiver).get('kind')} {vars(receiver).get('sizes')}"
        faults.add(
            f"{receiver.count} of {len(data)} delivered, {ending}, {contexts[0].maximum_version.name},"
            f" {kind}, paused {receiver.pauses}, lost {receiver.lost!r}"
        )
    elif receiver.hash.digest() != hashlib.blake2b(data).digest():
        faults.add("the hash differs")
    if receiver.lost is not True and ending.startswith("close_notify") and "RST" not in ending:
        faults.add(f"an end in order was told as {receiver.lost!r}")
    figures["bytes"] = receiver.count
    figures["connections"] = 1
    figures["records"] = records


def program(chance: random.Random, faults: arena.Faults, figures: dict[str, int]) -> None:
    """Run one seed."""
    loop = arena.new_loop()
    try:
        loop.run_until_complete(play(chance, faults, figures))
        for _ in range(3):
            loop.run_until_complete(asyncio.sleep(0))
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
            loop.run_until_complete(asyncio.wait([task]))
        loop.close()


def run(seed: int) -> dict[str, int]:
    """Run one seed."""
    return arena.attack(seed, program)


if __name__ == "__main__":
    arena.main(run)
