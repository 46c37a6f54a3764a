"""The ends of the connections that transports.py attacks: what they send, what they do, what they must see."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import os
import random
import socket
import time
from collections.abc import Callable
from typing import Any

import arena
from support.sockets import new_buffer, reset_on_close

# The most that one direction of a connection sends, in bytes.
SIZES = (0, 1, 1000, 30_000, 150_000, 600_000)


def is_of_closed_tls(error: BaseException) -> bool:
    """Whether it is what a TLS transport says, asyncio's too, once it was closed twice."""
    return isinstance(error, AttributeError) and "'NoneType' object has no attribute '_" in str(error)


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
        # Whether what is sent comes out of a file at this time.
        self.is_a_file = False
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


class Protocol:
    """Tells an end of what its transport says, whichever way the data comes."""

    def __init__(self, end: End) -> None:
        self.end = end

    def connection_made(self, transport: Any) -> None:
        self.end.connection_made(self, transport)

    def eof_received(self) -> bool | None:
        return self.end.eof_received(self)

    def pause_writing(self) -> None:
        self.end.pause_writing(self)

    def resume_writing(self) -> None:
        self.end.resume_writing(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.end.connection_lost(self, exc)


class Plain(Protocol, asyncio.Protocol):
    """Bytes, as they come."""

    def data_received(self, data: bytes) -> None:
        self.end.data_received(self, data)


class Buffered(Protocol, asyncio.BufferedProtocol):
    """Into buffers of its own."""

    def __init__(self, end: End) -> None:
        super().__init__(end)
        self.sizes = end.scene.chance.choice(
            [[1], [7, 4096], [65_536], [1, 100, 1000, 16_384], [16_383, 16_385]]
        )
        self.kind = end.scene.chance.choice(["bytearray", "view", "part", "array", "same"])
        if arena.on_asyncio and self.kind != "part":
            # asyncio's TLS writes past the first record into a copy of these.
            self.kind = "view"
        self.same = bytearray(self.sizes[-1])
        self.buffer: Any = None

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
        self.buffer = self.same if self.kind == "same" else new_buffer(self.kind, size)
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
            if not self.is_tls or not is_of_closed_tls(error):
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
        arena.trace(self.name, "sends", len(data), "until", self.outgoing.sent)
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
        before, self.protocol = self.protocol, self.scene.chance.choice([Plain, Buffered])(self)
        try:
            self.transport.set_protocol(self.protocol)
        except AttributeError:
            # A TLS transport that was closed twice.
            self.protocol = before
            raise

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
        if not self.may_write() or self.transport.is_closing() or self.incoming.is_a_file:
            return
        start, wire = self.outgoing.sent, self.outgoing
        size = self.scene.chance.choice([1, 1000, 50_000, 200_000])
        length = len(wire.take(size))
        if length == 0:
            return
        # While a file is sent nothing is read; two that send at once wait for each other, by contract.
        self.holding = wire.is_a_file = True
        arena.trace(self.name, "sends a file", start, length)
        descriptor = os.memfd_create("wire")
        with open(descriptor, "r+b", buffering=0) as file:
            file.write(wire.data)
            try:
                count = await asyncio.wait_for(
                    self.scene.loop.sendfile(self.transport, file, start, length), 10
                )
            except asyncio.CancelledError:
                wire.broken = True
                self.ends()
                self.transport.abort()
                raise
            except (OSError, RuntimeError, AttributeError) as error:
                arena.trace(self.name, "sendfile failed", repr(error))
                if isinstance(error, AttributeError) and not (self.is_tls and is_of_closed_tls(error)):
                    self.scene.faults.exception(f"{self.name}: sendfile", error)
                # Nobody knows how much went out. Nothing may follow.
                wire.broken = True
                in_order = not (self.closing or self.lost or self.scene.settling)
                if isinstance(error, RuntimeError) and in_order:
                    self.scene.faults.exception(f"{self.name}: sendfile", error)
                if isinstance(error, TimeoutError) and not self.scene.faults.found:
                    self.scene.faults.add(f"{self.name}: sendfile does not end")
                self.operate("abort")
            else:
                arena.trace(self.name, "has sent a file", start, count)
                if count != length and not self.lost:
                    self.scene.faults.add(f"{self.name}: sendfile sent {count} of {length}")
            finally:
                self.holding = wire.is_a_file = False
                if self.scene.settling:
                    self.settle()

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
        # The loop lets others have the descriptor of a transport that is closing, as what is below TLS may be.
        if (
            sock is None
            or sock.fileno() < 0
            or self.is_ending()
            or self.is_tls
            or self.transport.is_closing()
        ):
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
        self.ends()
        ways = ["pause", "resume", "limits"]
        if not self.outgoing.ended:
            ways += ["write", "writelines", "eof"]
        for _ in range(chance.randrange(4)):
            what = chance.choice(ways)
            match what:
                case "write":
                    self.transport.write(self.outgoing.take(1000) or b"SECRET")
                case "writelines":
                    self.transport.writelines([b"SECRET", b"SECRET"])
                case "eof" if self.transport.can_write_eof():
                    ways = ["pause", "resume", "limits"]
                    self.transport.write_eof()
                case "pause" | "resume" | "limits":
                    self.operate(what)
        if chance.random() < 0.5:
            self.do_abort() if chance.random() < 0.5 else self.transport.close()

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
            reset_on_close(self.sock)
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
