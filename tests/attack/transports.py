"""Random sequences of transport operations from inside callbacks, with every byte looked at where it arrives.

A seed makes a few connections on one loop: TCP, Unix sockets, TLS, TLS that begins in mid-stream, pipes, datagrams;
each end is a protocol, a stream, or a socket that is driven by hand. What an end sends is known beforehand for
every position (`Wire`), and is of that connection alone. So whatever arrives must be what stands there:

- what arrives is a prefix of what was sent, the whole of it where both ended in order;
- `connection_lost` comes exactly once, and nothing after it;
- all ends, within a time;
- no descriptor stays open, nothing is reported that was not provoked.
"""

from __future__ import annotations

import array
import asyncio
import gc
import hashlib
import os
import random
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

import arena

# The most that one direction of a connection sends, in bytes.
SIZES = (0, 1, 1000, 30_000, 150_000, 600_000)

# What an RST takes: close() with this set sends it.
AT_ONCE = struct.pack("ii", 1, 0)

# The largest datagram over IPv4, in bytes.
LARGEST_DATAGRAM = 65_507


class Wire:
    """One direction of a connection: bytes that are known at every position."""

    def __init__(self, scene: Scene, name: str) -> None:
        self.scene, self.name = scene, name
        self.data = scene.chance.randbytes(scene.chance.choice(SIZES))
        self.sent = 0
        self.received = 0
        # Whether the sender ended in order, and the receiver saw an end in order.
        self.ended = False
        self.finished = False
        # Where somebody has done what leaves nothing to be said about the whole.
        self.broken = False
        self.hash = hashlib.blake2b()

    def take(self, size: int) -> bytes:
        """Return what is to be sent next, and count it as sent."""
        chunk = self.data[self.sent : self.sent + size]
        self.sent += len(chunk)
        return chunk

    def arrived(self, data: Any) -> None:
        """Look at what has arrived."""
        data = bytes(data)
        place, self.received = self.received, self.received + len(data)
        self.hash.update(data)
        self.scene.figures["bytes"] += len(data)
        if self.data[place : self.received] != data:
            self.scene.faults.add(f"{self.name}: other bytes at {place}+{len(data)} of {len(self.data)}")
        elif self.received > self.sent:
            self.scene.faults.add(f"{self.name}: {self.received} bytes arrived, {self.sent} sent")

    def is_quiet(self) -> bool:
        """Whether all that was sent has arrived."""
        return self.received == self.sent

    def check(self) -> None:
        """Look at the whole, once all is over."""
        if self.hash.digest() != hashlib.blake2b(self.data[: self.received]).digest():
            self.scene.faults.add(f"{self.name}: the hash differs")
        if self.ended and self.finished and not self.broken:
            self.scene.figures["whole"] += 1
            if self.received != self.sent:
                self.scene.faults.add(f"{self.name}: ended in order, {self.received} of {self.sent} arrived")


class Scene:
    """What belongs to one seed."""

    def __init__(self, chance: random.Random, faults: arena.Faults, figures: dict[str, int]) -> None:
        self.chance, self.faults, self.figures = chance, faults, figures
        for name in ("bytes", "operations", "connections", "whole", "datagrams"):
            figures[name] = 0
        self.loop: Any = None
        self.budget = chance.choice([20, 100, 300])
        self.settling = False
        self.ends: list[Any] = []
        self.bystanders: list[tuple[socket.socket, socket.socket]] = []
        self.tasks: set[Any] = set()
        # A probability for each operation of the rare kinds, so that most seeds have few of them.
        self.rude = chance.choice([0.0, 0.0, 0.02, 0.2])

    def task(self, coroutine: Any) -> None:
        """Start a task that is not forgotten."""
        task = self.loop.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.done)

    def done(self, task: Any) -> None:
        """Note how a task of the attack has ended."""
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.faults.exception("task", error)

    async def until(self, condition: Callable[[], bool], patience: float = arena.PATIENCE) -> bool:
        """Wait until a condition holds; False if it does not in time."""
        if self.faults.found:
            patience = 0.5
        limit = time.monotonic() + patience
        pause = 0.0
        while not condition():
            if time.monotonic() > limit:
                return False
            await asyncio.sleep(pause)
            pause = min(pause + 0.0002, 0.01)
        return True

    async def moving(self, wire: Wire, condition: Callable[[], bool]) -> bool:
        """Wait until a condition holds, for as long as bytes arrive; False if they do not."""
        before = -1
        while before < wire.received:
            before = wire.received
            if await self.until(condition, 2):
                return True
        return False


class Plain(asyncio.Protocol):
    """Tells an end of what its transport says."""

    def __init__(self, end: End) -> None:
        self.end = end

    def connection_made(self, transport: Any) -> None:
        self.end.connection_made(self, transport)

    def data_received(self, data: bytes) -> None:
        self.end.data_received(self, data)

    def eof_received(self) -> bool | None:
        return self.end.eof_received(self)

    def pause_writing(self) -> None:
        self.end.pause_writing(self)

    def resume_writing(self) -> None:
        self.end.resume_writing(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.end.connection_lost(self, exc)


class Buffered(asyncio.BufferedProtocol):
    """The same with buffers of its own."""

    def __init__(self, end: End) -> None:
        self.end = end
        self.sizes = end.scene.chance.choice(
            [[1], [7, 4096], [65_536], [1, 100, 1000, 16_384], [16_383, 16_385]]
        )
        self.kind = end.scene.chance.choice(["bytearray", "view", "part", "array", "same"])
        if arena.on_asyncio and self.kind != "part":
            # asyncio's TLS writes past the first record into a copy of these.
            self.kind = "view"
        self.same = bytearray(self.sizes[-1])
        self.buffer: Any = None

    def connection_made(self, transport: Any) -> None:
        self.end.connection_made(self, transport)

    def get_buffer(self, sizehint: int) -> Any:
        end = self.end
        end.alive(self, "get_buffer")
        chance, scene = end.scene.chance, end.scene
        if chance.random() < scene.rude * 0.3 and scene.budget > 0:
            end.provoked = True
            scene.faults.expected += (TypeError, BufferError, RuntimeError, ValueError)
            kind = chance.choice(
                ["readonly", "empty", "none", "strided", "raise", "close", "abort", "pause", "write"]
            )
            arena.trace(end.name, "get_buffer", kind)
            match kind:
                case "readonly":
                    return bytes(100)
                case "empty":
                    return bytearray()
                case "none":
                    return None
                case "strided":
                    return memoryview(bytearray(100))[::2]
                case "raise":
                    raise arena.Evil("get_buffer")
                case "close" | "abort" | "pause" | "write":
                    end.operate(kind)
        size = chance.choice(self.sizes)
        match self.kind:
            case "bytearray":
                self.buffer = bytearray(size)
            case "view":
                self.buffer = memoryview(bytearray(size))
            case "part":
                self.buffer = memoryview(bytearray(size + 20))[10 : 10 + size]
            case "array":
                self.buffer = array.array("I", bytes((size + 3) // 4 * 4))
            case "same":
                self.buffer = self.same
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        view = memoryview(self.buffer).cast("B")
        if not 0 < nbytes <= len(view):
            self.end.scene.faults.add(f"{self.end.name}: buffer_updated({nbytes}) of {len(view)}")
        data = bytes(view[:nbytes])
        if self.kind != "same":
            self.buffer = None
        view.release()
        self.end.data_received(self, data)

    def eof_received(self) -> bool | None:
        return self.end.eof_received(self)

    def pause_writing(self) -> None:
        self.end.pause_writing(self)

    def resume_writing(self) -> None:
        self.end.resume_writing(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.end.connection_lost(self, exc)


# What an end may do, how often, and whether it is of the rare, rude kind.
OPERATIONS = {
    "write": 30,
    "writelines": 8,
    "pause": 4,
    "resume": 8,
    "limits": 2,
    "switch": 3,
    "look": 3,
    "soon": 4,
    "later": 3,
    "sendfile": 2,
}
RUDE = {
    "write_eof": 3,
    "close": 3,
    "abort": 2,
    "fail": 2,
    "collect": 1,
    "grab": 1,
    "steal": 1,
    "again": 1,
    "reset": 1,
}


class End:
    """One end of a connection that a transport drives."""

    def __init__(self, scene: Scene, name: str, outgoing: Wire, incoming: Wire) -> None:
        self.scene, self.name, self.outgoing, self.incoming = scene, name, outgoing, incoming
        self.transport: Any = None
        self.protocol: Any = Plain(self)
        if scene.chance.random() < 0.5:
            self.protocol = Buffered(self)
        self.made = self.lost = self.depth = 0
        self.at_eof = False
        self.closing = False
        self.provoked = False
        self.paused_reading = self.paused_writing = False
        self.holding = False
        # Whether reading was resumed, since the end was seen last.
        self.resumed = False
        self.keeps_open = scene.chance.random() < 0.5
        self.is_tls = False
        self.can_write = self.can_read = True
        # The socket, where the program gave one in.
        self.sock: socket.socket | None = None
        # Nothing can be said of an end whose transport was made anew or lost its descriptor.
        self.spoiled = False
        # Whether connection_lost comes is not known.
        self.unsure = False
        scene.ends.append(self)

    # What the transport says.

    def alive(self, protocol: Any, what: str) -> None:
        """Note a callback that should not come."""
        if self.spoiled:
            return
        if self.lost:
            self.scene.faults.add(f"{self.name}: {what} after connection_lost")
        # TLS has connection_lost called later, of the protocol that it had then; asyncio's does so too.
        if protocol is not self.protocol and not (self.is_tls and what == "connection_lost"):
            self.scene.faults.add(f"{self.name}: {what} of a protocol that was replaced")
        if not self.made:
            self.scene.faults.add(f"{self.name}: {what} before connection_made")

    def connection_made(self, protocol: Any, transport: Any) -> None:
        self.made += 1
        self.transport = transport
        arena.trace(self.name, "connection_made", transport)
        self.alive(protocol, "connection_made")
        if self.made > 1 and not self.spoiled:
            self.scene.faults.add(f"{self.name}: connection_made {self.made} times")
        self.act("connection_made")

    def data_received(self, protocol: Any, data: bytes) -> None:
        arena.trace(self.name, "data", self.incoming.received, len(data))
        self.alive(protocol, "data_received")
        if self.at_eof:
            self.scene.faults.add(f"{self.name}: data after eof_received")
        if self.paused_reading and not self.provoked and not self.spoiled:
            self.scene.faults.add(f"{self.name}: data while reading is paused")
        if not data:
            self.scene.faults.add(f"{self.name}: no data in data_received")
        self.incoming.arrived(data)
        self.act("data_received")

    def eof_received(self, protocol: Any) -> bool | None:
        arena.trace(self.name, "eof")
        self.alive(protocol, "eof_received")
        # Reading that is resumed after the end finds the end again; so it is with asyncio.
        if self.at_eof and not self.spoiled and not self.resumed:
            self.scene.faults.add(f"{self.name}: eof_received twice")
        self.at_eof, self.resumed = True, False
        # Who closed its end himself is not owed the rest.
        if not self.closing:
            self.incoming.finished = True
        self.act("eof_received")
        keeps = self.keeps_open and not self.is_tls
        if not keeps:
            self.ends()
        return keeps

    def pause_writing(self, protocol: Any) -> None:
        arena.trace(self.name, "pause_writing")
        self.alive(protocol, "pause_writing")
        if self.paused_writing and not self.spoiled:
            self.scene.faults.add(f"{self.name}: pause_writing twice")
        self.paused_writing = True
        self.act("pause_writing")

    def resume_writing(self, protocol: Any) -> None:
        arena.trace(self.name, "resume_writing")
        self.alive(protocol, "resume_writing")
        if not self.paused_writing and not self.spoiled:
            self.scene.faults.add(f"{self.name}: resume_writing without pause_writing")
        self.paused_writing = False
        self.act("resume_writing")

    def connection_lost(self, protocol: Any, error: BaseException | None) -> None:
        arena.trace(self.name, "connection_lost", repr(error))
        self.alive(protocol, "connection_lost")
        self.lost += 1
        if error is not None:
            self.outgoing.broken = True
        self.ends()
        self.act("connection_lost")

    def ends(self) -> None:
        """From now on nothing is sent in order any more, if the end did not come before."""
        self.closing = True

    # What the end does.

    def act(self, where: str) -> None:
        """Do something, or nothing."""
        scene, chance = self.scene, self.scene.chance
        if scene.settling or self.depth >= 3 or self.transport is None:
            return
        self.depth += 1
        try:
            for _ in range(chance.choice([0, 1, 1, 2, 5])):
                if scene.budget <= 0:
                    break
                scene.budget -= 1
                scene.figures["operations"] += 1
                kinds = RUDE if chance.random() < scene.rude else OPERATIONS
                self.operate(chance.choices(list(kinds), list(kinds.values()))[0])
        finally:
            self.depth -= 1

    def operate(self, kind: str) -> None:
        """Do one thing."""
        arena.trace(self.name, kind)
        try:
            getattr(self, "do_" + kind)()
        except arena.Evil:
            raise
        except OSError:
            pass
        except AttributeError as error:
            # What a TLS transport says, asyncio's too, once it is closed.
            if not self.is_tls or "'NoneType' object has no attribute '_" not in str(error):
                self.scene.faults.exception(f"{self.name}: {kind}", error)
        except BaseException as error:
            self.scene.faults.exception(f"{self.name}: {kind}", error)

    def may_write(self) -> bool:
        """Whether a write is going to be sent in order."""
        return not (self.closing or self.holding) and self.can_write

    def chunk(self) -> Any:
        """Return what is to be written, in one of the shapes that it may have."""
        chance = self.scene.chance
        data = self.outgoing.take(chance.choice([0, 1, 10, 1000, 5000, 20_000, 70_000, 300_000]))
        match chance.randrange(5):
            case 0:
                return bytearray(data)
            case 1:
                return memoryview(data)
            case 2:
                return memoryview(bytearray(b"xy" + data))[2:]
            case 3 if len(data) % 4 == 0 and data:
                return memoryview(data).cast("I")
        return data

    def do_write(self) -> None:
        if not self.may_write():
            return
        chunk = self.chunk()
        self.transport.write(chunk)
        # What was given in may be changed at once.
        if isinstance(chunk, bytearray) and not arena.on_asyncio:
            chunk[:] = bytes(len(chunk))
            chunk.clear()

    def do_writelines(self) -> None:
        if not self.may_write():
            return
        chunks = [self.chunk() for _ in range(self.scene.chance.randrange(6))]
        if self.scene.chance.random() < 0.5:
            self.transport.writelines(chunks)
        else:
            self.transport.writelines(chunk for chunk in chunks)

    def do_pause(self) -> None:
        if self.can_read and not self.holding:
            self.transport.pause_reading()
            self.paused_reading = True

    def do_resume(self) -> None:
        if self.can_read and not self.holding:
            self.paused_reading = False
            self.resumed = True
            self.transport.resume_reading()

    def do_limits(self) -> None:
        if self.can_write:
            high = self.scene.chance.choice([0, 1, 1000, 65_536, 10**9])
            low = self.scene.chance.choice([0, high // 2, high])
            self.transport.set_write_buffer_limits(high, low)

    def do_switch(self) -> None:
        if (
            self.holding
            or self.lost
            or not isinstance(self.transport, asyncio.Transport)
            or not self.can_read
        ):
            return
        self.protocol = self.scene.chance.choice([Plain, Buffered])(self)
        self.transport.set_protocol(self.protocol)

    def do_look(self) -> None:
        transport = self.transport
        repr(transport)
        transport.is_closing()
        for name in ("socket", "peername", "sockname", "sslcontext", "nothing"):
            transport.get_extra_info(name)
        if self.can_write:
            transport.get_write_buffer_size()
            transport.get_write_buffer_limits()
        if self.can_read:
            transport.is_reading()

    def do_soon(self) -> None:
        self.scene.loop.call_soon(self.act, "call_soon")

    def do_later(self) -> None:
        async def later() -> None:
            await asyncio.sleep(self.scene.chance.choice([0, 0.001]))
            try:
                self.act("task")
            except arena.Evil:
                pass

        self.scene.task(later())

    def do_sendfile(self) -> None:
        if self.may_write() and isinstance(self.transport, asyncio.Transport) and self.can_read:
            self.scene.task(self.send_file())

    async def send_file(self) -> None:
        """Send a part of the wire out of a file."""
        if not self.may_write() or self.transport.is_closing():
            return
        start, wire = self.outgoing.sent, self.outgoing
        size = self.scene.chance.choice([1, 1000, 50_000, 200_000])
        length = len(wire.take(size))
        if length == 0:
            return
        self.holding = True
        descriptor = os.memfd_create("wire")
        with open(descriptor, "r+b", buffering=0) as file:
            file.write(wire.data)
            try:
                count = await asyncio.wait_for(
                    self.scene.loop.sendfile(self.transport, file, start, length), 10
                )
            except (ConnectionError, OSError, RuntimeError) as error:
                arena.trace(self.name, "sendfile failed", repr(error))
                # Nobody knows how much went out. Nothing may follow.
                wire.broken = True
                if isinstance(error, RuntimeError) and not self.closing and not self.lost:
                    self.scene.faults.exception(f"{self.name}: sendfile", error)
                if isinstance(error, TimeoutError) and not self.scene.faults.found:
                    self.scene.faults.add(f"{self.name}: sendfile does not end")
                self.transport.abort()
                self.ends()
            else:
                if count != length and not self.lost:
                    self.scene.faults.add(f"{self.name}: sendfile sent {count} of {length}")
            finally:
                self.holding = False

    def do_write_eof(self) -> None:
        if self.may_write() and self.transport.can_write_eof():
            self.outgoing.ended = True
            self.ends()
            try:
                self.transport.write_eof()
            except OSError:
                # The peer has gone already.
                self.outgoing.broken = True

    def do_close(self) -> None:
        if not self.closing and not self.holding:
            self.outgoing.ended = True
        else:
            self.outgoing.broken |= not self.outgoing.ended
        self.ends()
        self.transport.close()

    def do_abort(self) -> None:
        self.outgoing.broken = self.incoming.broken = True
        self.ends()
        if hasattr(self.transport, "abort"):
            self.transport.abort()
        else:
            self.transport.close()

    def do_fail(self) -> None:
        self.outgoing.broken = self.incoming.broken = True
        self.provoked = True
        raise arena.Evil("fail")

    def do_collect(self) -> None:
        gc.collect()

    def do_grab(self) -> None:
        """A program that watches the transport's own descriptor."""
        sock = self.transport.get_extra_info("socket")
        if sock is None or sock.fileno() < 0 or self.closing or self.spoiled or self.lost:
            return
        number = sock.fileno()
        try:
            self.scene.loop.add_reader(number, int)
        except RuntimeError:
            return
        self.scene.faults.add(f"{self.name}: add_reader took a transport's descriptor")
        self.scene.loop.remove_reader(number)

    def do_steal(self) -> None:
        """The program closes the socket that it gave in; somebody else gets the number."""
        if self.sock is None or self.sock.fileno() < 0 or self.spoiled or self.holding:
            return
        self.spoiled = True
        self.outgoing.broken = self.incoming.broken = True
        number = self.sock.fileno()
        self.sock.close()
        left, right = socket.socketpair()
        if right.fileno() == number:
            left, right = right, left
        elif left.fileno() != number:
            # Somebody else had it before; there is nothing to be seen.
            left.close()
            right.close()
            self.transport.abort()
            self.ends()
            return
        left.setblocking(False)
        right.setblocking(False)
        # What waits there is not for the transport to read.
        right.send(b"not yours")
        self.scene.bystanders.append((left, right))
        # More is written, into nothing.
        chance = self.scene.chance
        for _ in range(chance.randrange(4)):
            what = chance.choice(["write", "writelines", "eof", "pause", "resume", "limits"])
            match what:
                case "write":
                    self.transport.write(self.outgoing.take(1000) or b"SECRET")
                case "writelines":
                    self.transport.writelines([b"SECRET", b"SECRET"])
                case "eof" if self.transport.can_write_eof():
                    self.transport.write_eof()
                case "pause" | "resume" | "limits":
                    self.operate(what)
        if chance.random() < 0.5:
            self.do_abort() if chance.random() < 0.5 else self.transport.close()
        self.ends()

    def do_again(self) -> None:
        """`__init__` of a transport that stands, a second time."""
        if self.spoiled or self.lost or self.holding or self.sock is None or self.is_tls:
            return
        # One in ten: what follows says little about anything else.
        if self.scene.chance.random() > 0.3:
            return
        self.spoiled = True
        self.outgoing.broken = self.incoming.broken = True
        left, right = socket.socketpair()
        left.setblocking(False)
        right.setblocking(False)
        try:
            self.transport.__init__(self.scene.loop, left, Plain(self))
        except RuntimeError:
            left.close()
        right.close()
        self.ends()

    def do_reset(self) -> None:
        """An RST, as a program can provoke it that still has the socket."""
        if self.sock is not None and self.sock.fileno() >= 0 and not self.holding:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            self.do_abort()

    async def drive(self) -> None:
        """Do something from a task, now and then."""
        chance = self.scene.chance
        for _ in range(chance.randrange(1, 30)):
            await asyncio.sleep(chance.choice([0, 0, 0, 0.001]))
            if self.lost:
                return
            try:
                self.act("task")
            except arena.Evil:
                pass

    # The end of it all.

    def is_over(self) -> bool:
        """Whether there is nothing to be waited for."""
        return self.lost > 0 or self.spoiled or self.unsure or self.made == 0

    def is_ending(self) -> bool:
        """Whether the connection stands no more, or is about to."""
        return self.closing or self.provoked or self.spoiled or self.is_over()

    def settle(self) -> None:
        """Take all that comes from now on."""
        if self.transport is not None and not self.lost and self.can_read:
            self.operate("resume")

    def finish(self) -> None:
        """Close, if that has not been done."""
        if self.transport is not None and not self.lost:
            self.operate("close")

    def check(self) -> None:
        if self.made and self.lost != 1 and not self.spoiled and not (self.unsure and self.lost == 0):
            self.scene.faults.add(f"{self.name}: connection_lost {self.lost} times")


class Hand:
    """An end that is a plain socket, driven by hand."""

    def __init__(self, scene: Scene, name: str, outgoing: Wire, incoming: Wire, sock: socket.socket) -> None:
        self.scene, self.name, self.outgoing, self.incoming, self.sock = scene, name, outgoing, incoming, sock
        self.closed = False
        self.shut = False
        sock.setblocking(False)
        scene.ends.append(self)

    def receive(self, size: int) -> bool:
        """Receive once; False if there was nothing, or no more comes."""
        if self.closed or self.incoming.finished:
            return False
        try:
            data = self.sock.recv(size)
        except BlockingIOError:
            return False
        except OSError as error:
            arena.trace(self.name, repr(error))
            self.incoming.broken = True
            self.outgoing.broken = True
            self.close()
            return False
        arena.trace(self.name, "recv", len(data))
        if data:
            self.incoming.arrived(data)
        else:
            self.incoming.finished = True
        return bool(data)

    def send(self, size: int) -> None:
        """Send what the socket takes."""
        if self.closed or self.shut:
            return
        wire = self.outgoing
        # The other side may read it before send() has told how much it was.
        try:
            wire.sent += self.sock.send(wire.data[wire.sent : wire.sent + size])
        except BlockingIOError:
            pass
        except OSError as error:
            arena.trace(self.name, repr(error))
            wire.broken = True

    def close(self, reset: bool = False) -> None:
        """Close the socket."""
        if self.closed:
            return
        arena.trace(self.name, "close", reset)
        self.closed = True
        if reset:
            self.outgoing.broken = True
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self.outgoing.ended = True
        self.sock.close()

    async def drive(self) -> None:
        """Do something, now and then."""
        chance = self.scene.chance
        while not self.scene.settling and not self.closed:
            self.scene.figures["operations"] += 1
            match chance.randrange(8):
                case 0 | 1 | 2:
                    self.receive(chance.choice([1, 100, 5000, 300_000]))
                case 3 | 4 | 5:
                    self.send(chance.choice([1, 100, 5000, 300_000]))
                case 6 if chance.random() < self.scene.rude:
                    self.finish()
                case 7 if chance.random() < self.scene.rude:
                    self.close(chance.random() < 0.5)
            await asyncio.sleep(chance.choice([0, 0, 0.001]))
        # From now on all is taken.
        while not self.closed:
            while self.receive(1_000_000):
                pass
            if self.incoming.finished:
                self.close()
            await asyncio.sleep(0.001)

    def is_over(self) -> bool:
        return self.closed

    def is_ending(self) -> bool:
        return self.closed or self.shut or self.incoming.finished

    def settle(self) -> None:
        pass

    def finish(self) -> None:
        """The other end closes; this one follows in drive()."""
        if not self.closed and not self.shut:
            try:
                self.sock.shutdown(socket.SHUT_WR)
            except OSError:
                self.outgoing.broken = True
            self.outgoing.ended = self.shut = True

    def check(self) -> None:
        pass


class Stream:
    """An end that is a StreamReader and a StreamWriter, driven by tasks."""

    def __init__(self, scene: Scene, name: str, outgoing: Wire, incoming: Wire) -> None:
        self.scene, self.name, self.outgoing, self.incoming = scene, name, outgoing, incoming
        self.reader: Any = None
        self.writer: Any = None
        self.reading = True
        self.task: Any = None
        scene.ends.append(self)

    def opened(self, reader: Any, writer: Any) -> None:
        self.reader, self.writer = reader, writer
        self.task = self.scene.loop.create_task(self.read())

    async def read(self) -> None:
        """Read to the end, in all the ways that there are."""
        chance, wire = self.scene.chance, self.incoming
        try:
            while True:
                self.scene.figures["operations"] += 1
                match chance.randrange(5):
                    case 0:
                        data = await self.reader.read(chance.choice([1, 100, 10_000, 300_000]))
                    case 1:
                        try:
                            data = await self.reader.readexactly(chance.choice([1, 100, 10_000, 100_000]))
                        except asyncio.IncompleteReadError as error:
                            data = error.partial
                            wire.arrived(data)
                            break
                    case 2:
                        try:
                            data = await self.reader.readuntil(chance.choice([b"\0", b"ab", b"\1\2"]))
                        except asyncio.IncompleteReadError as error:
                            wire.arrived(error.partial)
                            break
                        except asyncio.LimitOverrunError as error:
                            data = await self.reader.readexactly(error.consumed)
                            if not data:
                                data = await self.reader.readexactly(1)
                    case 3:
                        data = (
                            await self.reader.readline()
                            if len(wire.data) < 30_000
                            else await self.reader.read(5)
                        )
                    case _:
                        data = await self.reader.read(65_536)
                if not data:
                    break
                wire.arrived(data)
                if chance.random() < 0.05:
                    await asyncio.sleep(chance.choice([0, 0.001]))
            wire.finished = True
        except (OSError, EOFError):
            wire.broken = True
        except ValueError as error:
            # readline() has thrown away what was longer than its limit.
            if "limit" not in str(error):
                raise
            wire.broken = True
            self.writer.transport.abort()
        finally:
            self.reading = False

    async def drive(self) -> None:
        chance = self.scene.chance
        try:
            for _ in range(chance.randrange(1, 40)):
                if self.scene.settling or self.outgoing.ended or self.writer is None:
                    break
                self.scene.figures["operations"] += 1
                match chance.randrange(6):
                    case 0 | 1 | 2:
                        self.writer.write(self.outgoing.take(chance.choice([1, 100, 5000, 300_000])))
                    case 3:
                        self.writer.writelines([self.outgoing.take(100), self.outgoing.take(20_000)])
                    case 4:
                        await asyncio.wait_for(self.writer.drain(), 5)
                    case 5 if chance.random() < self.scene.rude:
                        if chance.random() < 0.5 and self.writer.can_write_eof():
                            self.writer.write_eof()
                            self.outgoing.ended = True
                        else:
                            self.finish()
                await asyncio.sleep(chance.choice([0, 0.001]))
                if self.writer.is_closing():
                    break
        except TimeoutError:
            pass  # whoever reads there has paused
        except OSError:
            self.outgoing.broken = True

    def is_over(self) -> bool:
        return self.writer is None or (not self.reading and self.is_closed())

    def is_closed(self) -> bool:
        transport = self.writer.transport
        # A closed stream's transport lets its protocol go.
        waiter = self.writer._protocol._closed
        if waiter.done() and not waiter.cancelled():
            waiter.exception()
        return waiter.done() and transport.is_closing()

    def is_ending(self) -> bool:
        return (
            self.writer is None
            or self.outgoing.ended
            or self.outgoing.broken
            or self.writer.is_closing()
            or not self.reading
        )

    def settle(self) -> None:
        pass

    def finish(self) -> None:
        if self.writer is not None:
            self.outgoing.broken |= self.writer.is_closing() and not self.outgoing.ended
            self.outgoing.ended = True
            self.writer.close()

    def check(self) -> None:
        pass


class Datagrams(asyncio.DatagramProtocol):
    """An end of datagrams: each says who it is from and what it must hold."""

    def __init__(self, scene: Scene, number: int, table: bytes) -> None:
        self.scene, self.number, self.table = scene, number, table
        self.transport: Any = None
        self.made = self.lost = 0
        self.next = 0
        self.paused = False
        self.seen: set[int] = set()
        self.other: Datagrams | None = None
        self.address: Any = None
        self.connected = False
        self.name = f"datagrams {number}"
        scene.ends.append(self)

    def make(self, size: int) -> bytes:
        """Return the next datagram, of this size."""
        if size < 12:
            return bytes([self.number]) * size
        self.next += 1
        start = self.next * 7919 % len(self.table)
        body = (self.table * 2)[start : start + size - 12]
        return struct.pack("!III", self.number, self.next, len(body)) + body

    def connection_made(self, transport: Any) -> None:
        self.made += 1
        self.transport = transport
        self.address = transport.get_extra_info("sockname")
        self.act()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        scene, other = self.scene, self.other
        scene.figures["datagrams"] += 1
        scene.figures["bytes"] += len(data)
        if self.lost:
            scene.faults.add(f"{self.name}: datagram_received after connection_lost")
        if addr != other.address:
            scene.faults.add(f"{self.name}: from {addr}, not {other.address}")
        if len(data) < 12:
            if data != bytes([other.number]) * len(data):
                scene.faults.add(f"{self.name}: other bytes in {data!r}")
        else:
            number, sequence, length = struct.unpack("!III", data[:12])
            start = sequence * 7919 % len(other.table)
            if number != other.number or length != len(data) - 12 or sequence > other.next:
                scene.faults.add(f"{self.name}: {number} {sequence} {length}, {len(data)} bytes")
            elif data[12:] != (other.table * 2)[start : start + length]:
                scene.faults.add(f"{self.name}: other bytes in number {sequence}")
            if sequence in self.seen:
                scene.faults.add(f"{self.name}: number {sequence} twice")
            self.seen.add(sequence)
        self.act()

    def error_received(self, exc: Exception) -> None:
        if self.lost:
            self.scene.faults.add(f"{self.name}: error_received after connection_lost")
        self.act()

    def pause_writing(self) -> None:
        if self.paused:
            self.scene.faults.add(f"{self.name}: pause_writing twice")
        self.paused = True

    def resume_writing(self) -> None:
        if not self.paused:
            self.scene.faults.add(f"{self.name}: resume_writing without pause_writing")
        self.paused = False

    def connection_lost(self, exc: BaseException | None) -> None:
        self.lost += 1

    def act(self) -> None:
        scene, chance = self.scene, self.scene.chance
        if scene.settling or self.transport is None or self.other is None or self.other.address is None:
            return
        for _ in range(chance.choice([0, 0, 1, 1, 2, 8])):
            if scene.budget <= 0:
                return
            scene.budget -= 1
            scene.figures["operations"] += 1
            address = None if self.connected else self.other.address
            try:
                match chance.randrange(12):
                    case 0:
                        self.transport.sendto(bytes(LARGEST_DATAGRAM + 1), address)
                    case 1:
                        self.transport.sendto(bytearray(self.make(chance.randrange(12))), address)
                    case 2:
                        self.transport.set_write_buffer_limits(chance.choice([0, 1000, 10**6]))
                    case 3:
                        repr(self.transport)
                        self.transport.get_write_buffer_size()
                    case 4 if chance.random() < scene.rude:
                        self.transport.abort() if chance.random() < 0.5 else self.transport.close()
                    case 5 if chance.random() < scene.rude:
                        scene.faults.expected += (OverflowError, TypeError, ValueError)
                        self.transport.sendto(self.make(1), ("127.0.0.1", chance.choice([99999, "a", -1])))
                    case 6:
                        self.transport.sendto(memoryview(self.make(LARGEST_DATAGRAM)), address)
                    case _:
                        self.transport.sendto(
                            self.make(chance.choice([0, 12, 13, 1000, 9000, 60_000])), address
                        )
            except (ValueError, TypeError, OSError, OverflowError):
                pass

    async def drive(self) -> None:
        chance = self.scene.chance
        for _ in range(chance.randrange(1, 40)):
            await asyncio.sleep(chance.choice([0, 0, 0.001]))
            if self.lost:
                return
            self.act()

    def is_over(self) -> bool:
        return self.lost > 0 or self.made == 0

    def is_ending(self) -> bool:
        return True

    def settle(self) -> None:
        pass

    def finish(self) -> None:
        if self.transport is not None:
            self.transport.close()

    def check(self) -> None:
        if self.made and self.lost != 1:
            self.scene.faults.add(f"{self.name}: connection_lost {self.lost} times")


# Making connections.


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
        if error is not None and not isinstance(error, (OSError, arena.Evil)):
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
            end.holding = True
            if not end.is_ending():
                end.paused_reading = False
                end.transport.resume_reading()
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
                if not isinstance(error, (OSError, arena.Evil)):
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
    await loop.connect_read_pipe(lambda: reader.protocol, readable)
    await loop.connect_write_pipe(lambda: writer.protocol, writable)


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


async def play(scene: Scene) -> None:
    """Make the connections, let them act, end them."""
    chance, loop = scene.chance, scene.loop
    loop.set_exception_handler(scene.faults.handler)

    async def connect(kind: Any, name: str) -> None:
        try:
            await kind(scene, name)
            scene.figures["connections"] += 1
        except (OSError, arena.Evil) as error:
            arena.trace(name, "not connected:", repr(error))

    kinds = [chance.choice(KINDS) for _ in range(chance.choice([1, 2, 4]))]
    for number, kind in enumerate(kinds):
        if chance.random() < 0.5:
            await connect(kind, f"{kind.__name__} {number}")
        else:
            scene.task(connect(kind, f"{kind.__name__} {number}"))
    drivers = []
    known = 0
    for _ in range(chance.randrange(1, 40)):
        for end in scene.ends[known:]:
            drivers.append(loop.create_task(end.drive()))
        known = len(scene.ends)
        await asyncio.sleep(chance.choice([0, 0.001]))
    if chance.random() < 0.1:
        # The loop is going to be closed as it is.
        loop.stop()
        await asyncio.sleep(3600)
    await scene.until(lambda: not scene.tasks, 12)
    if scene.tasks:
        scene.faults.add(f"tasks do not end: {scene.tasks}")
    for end in scene.ends[known:]:
        drivers.append(loop.create_task(end.drive()))
    scene.settling = True
    arena.trace("settling")
    for end in scene.ends:
        end.settle()
    for driver, end in zip(drivers, scene.ends, strict=True):
        if not isinstance(end, Hand) and not await scene.until(driver.done):
            scene.faults.add(f"{end.name}: does not go on: {driver}")
    # Connections that stand must bring what was sent.
    partners: dict[Any, list[Any]] = {}
    for end in scene.ends:
        if not isinstance(end, Datagrams):
            for wire in (end.outgoing, end.incoming):
                partners.setdefault(wire, []).append(end)
    for wire, ends in partners.items():
        # A stream that waits for more keeps what has come.
        if any(isinstance(end, Stream) and end.incoming is wire for end in ends):
            continue
        if not await scene.moving(wire, lambda: wire.is_quiet() or any(end.is_ending() for end in ends)):
            transports = [getattr(end, "transport", None) for end in ends]
            scene.faults.add(f"{wire.name}: stalled, {wire.received} of {wire.sent} arrived: {transports}")
    ends = list(scene.ends)
    chance.shuffle(ends)
    for end in ends:
        end.finish()
        if chance.random() < 0.5:
            await asyncio.sleep(0.001)
    for end in scene.ends:
        if not await scene.until(end.is_over):
            scene.faults.add(f"{end.name}: does not end: {getattr(end, 'transport', None)}")
        if (
            isinstance(end, Stream)
            and end.task is not None
            and end.task.done()
            and end.task.exception() is not None
        ):
            scene.faults.exception(f"{end.name}: reading", end.task.exception())
    for driver, end in zip(drivers, scene.ends, strict=True):
        if not await scene.until(driver.done):
            scene.faults.add(f"{end.name}: does not stop: {driver}")
        elif not driver.cancelled() and driver.exception() is not None:
            scene.faults.exception(f"{end.name}: driver", driver.exception())
    for wire in partners:
        wire.check()
    # Whatever comes after the end comes now.
    for _ in range(5):
        await asyncio.sleep(0)
    for end in scene.ends:
        end.check()


def look_at_bystanders(scene: Scene) -> None:
    """Nothing of a transport may have come to a connection that is not its own."""
    for left, right in scene.bystanders:
        try:
            data = right.recv(100_000)
            scene.faults.add(f"somebody else's connection got {data[:30]!r}")
        except BlockingIOError:
            pass
        except OSError as error:
            scene.faults.add(f"somebody else's connection: {error!r}")
        try:
            data = left.recv(100)
        except OSError as error:
            data = repr(error).encode()
        if data != b"not yours":
            scene.faults.add(f"somebody else's connection lost {data!r}")
        left.close()
        right.close()


def program(chance: random.Random, faults: arena.Faults, figures: dict[str, int]) -> None:
    """Run one seed."""
    scene = Scene(chance, faults, figures)
    faults.expected = (*faults.expected, TimeoutError)
    loop = scene.loop = arena.new_loop()
    loop.set_debug(chance.random() < 0.1)
    loop.slow_callback_duration = 100
    asyncio.set_event_loop(loop)
    main = loop.create_task(play(scene))
    main.add_done_callback(lambda _: loop.stop())
    loop.run_forever()
    if main.done():
        if main.exception() is not None:
            faults.exception("play", main.exception())
    # In the middle of it all, nobody is told how things end.
    else:
        faults.ignored = "Task was destroyed"
    if not main.done() and chance.random() < 0.5:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.call_later(0.01, loop.stop)
        loop.run_forever()
    scene.settling = True
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    asyncio.set_event_loop(None)
    look_at_bystanders(scene)
    for end in scene.ends:
        if isinstance(end, Hand):
            end.close()
    scene.ends.clear()
    scene.tasks.clear()


def run(seed: int) -> dict[str, int]:
    """Run one seed."""
    return arena.attack(seed, program)


if __name__ == "__main__":
    arena.main(run)
