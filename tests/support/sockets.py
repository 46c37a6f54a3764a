"""Sockets that end in an unusual way, and buffers of unusual shapes to receive into."""

from __future__ import annotations

import array
import select
import socket
import struct
from typing import Any


def reset_on_close(sock: Any) -> None:
    """Make close() of a connection send an RST in place of a FIN: it lingers, for no time at all."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _reports(sock: Any, events: int) -> bool:
    poll = select.poll()
    poll.register(sock, events)
    return bool(poll.poll(0))


def has_input(sock: Any) -> bool:
    """Return whether something waits to be read: bytes, or the end."""
    return _reports(sock, select.POLLIN)


def has_end(sock: Any) -> bool:
    """Return whether the peer's end has arrived, behind whatever waits to be read."""
    return _reports(sock, select.POLLRDHUP)


def new_buffer(kind: str, size: int) -> Any:
    """Return a new writable buffer of at least so many bytes: a bytearray, a view, a part of one, an array."""
    match kind:
        case "bytearray":
            return bytearray(size)
        case "view":
            return memoryview(bytearray(size))
        case "part":
            return memoryview(bytearray(size + 20))[10 : 10 + size]
        case "array":
            # Items of 4 bytes, so that the length in items is not the length in bytes.
            return array.array("I", bytes((size + 3) // 4 * 4))
    raise ValueError(kind)
