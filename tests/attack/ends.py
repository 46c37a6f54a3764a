"""The ends of the connections that transports.py attacks: what they are told, and what they must see."""

from __future__ import annotations

import socket
from typing import Any

import arena
from operations import Operations
from protocols import Buffered, Plain
from wires import Scene, Wire


class End(Operations):
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
