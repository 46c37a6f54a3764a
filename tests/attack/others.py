"""Ends that are not a protocol of bytes: a plain socket, the two streams, datagrams."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import arena
from support.sockets import reset_on_close
from wires import Scene, Wire

# The largest datagram over IPv4, in bytes.
LARGEST_DATAGRAM = 65_507


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
            # The kernel tells of a reset once, and drops what was on its way. A recv() after it sees an end in order.
            if isinstance(error, ConnectionError):
                self.incoming.broken = True

    def close(self, reset: bool = False) -> None:
        """Close the socket."""
        if self.closed:
            return
        arena.trace(self.name, "close", reset)
        self.closed = True
        if reset:
            self.outgoing.broken = True
            reset_on_close(self.sock)
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
        self.closed = False
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
            # Who closed his end himself is not owed the rest.
            wire.finished = not self.closed
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
            self.outgoing.ended = self.closed = True
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
