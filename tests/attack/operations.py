"""What an end of a connection may do to its transport, and to those beside it."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
from typing import Any

import arena
from protocols import Buffered, Plain
from support.sockets import reset_on_close
from wires import is_of_closed_tls

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


class Operations:
    """What an end does. Its state is in `ends.End`."""

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
        # While a file is sent nothing is read; two that send at once wait for each other, by contract. Then reading is
        # resumed.
        self.holding = wire.is_a_file = self.resumed = True
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
