"""Operations on sockets that the program owns: loop.sock_connect(), loop.sock_accept() and others.

Each tries at once. If the socket is not ready, it tries again whenever the socket is.

sock_recv(), sock_recv_into(), sock_sendall() and sock_accept() are in Rust for sockets of the interpreter's
own class. The functions with these names here are for other sockets, for example of a class that the program
derives.
"""

from __future__ import annotations

import functools
import socket
from collections.abc import Callable

from ferrio.loop.addresses import check_ssl_socket, ensure_resolved

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ferrio.loop import Loop

__all__ = (
    "NOT_READY",
    "check_socket",
    "sock_accept",
    "sock_connect",
    "sock_recv",
    "sock_recv_into",
    "sock_sendall",
    "when_readable",
    "when_writable",
)

NOT_READY = (BlockingIOError, InterruptedError)


def check_socket(loop: Loop, sock: Any) -> None:
    """Raise TypeError for a TLS socket; in debug mode, ValueError for one that blocks."""
    check_ssl_socket(sock)
    if loop._debug and sock.gettimeout() != 0:
        raise ValueError("the socket must be non-blocking")


def when_readable(loop: Loop, sock: Any, operation: Callable[[], Any]) -> Any:
    """Return a future of the operation, tried whenever the socket is readable."""
    return _when(loop, loop._add_reader, loop._remove_reader, sock, operation)


def when_writable(loop: Loop, sock: Any, operation: Callable[[], Any]) -> Any:
    """Return a future of the operation, tried whenever the socket is writable."""
    return _when(loop, loop._add_writer, loop._remove_writer, sock, operation)


def _when(loop: Loop, add: Any, remove: Any, sock: Any, operation: Callable[[], Any]) -> Any:
    future = loop.create_future()
    descriptor = sock.fileno()
    loop._ensure_fd_no_transport(descriptor)
    handle = add(descriptor, _attempt, future, operation)
    future.add_done_callback(functools.partial(_stop_watching, remove, descriptor, handle))
    return future


async def sock_recv(loop: Loop, sock: Any, nbytes: int) -> bytes:
    """Receive up to nbytes from a connected socket."""
    check_socket(loop, sock)
    try:
        data: bytes = sock.recv(nbytes)
    except NOT_READY:
        data = await when_readable(loop, sock, lambda: sock.recv(nbytes))
    return data


async def sock_recv_into(loop: Loop, sock: Any, buf: Any) -> int:
    """Receive into a buffer. Return how many bytes."""
    check_socket(loop, sock)
    try:
        count: int = sock.recv_into(buf)
    except NOT_READY:
        count = await when_readable(loop, sock, lambda: sock.recv_into(buf))
    return count


async def sock_sendall(loop: Loop, sock: Any, data: Any) -> None:
    """Send all of the data."""
    check_socket(loop, sock)
    try:
        sent = sock.send(data)
    except NOT_READY:
        sent = 0
    if sent == len(data):
        return
    rest = memoryview(data)[sent:]

    def send_rest() -> None:
        nonlocal rest
        rest = rest[sock.send(rest) :]
        if rest:
            raise BlockingIOError

    await when_writable(loop, sock, send_rest)


async def sock_connect(loop: Loop, sock: Any, address: Any) -> None:
    """Connect a socket."""
    check_socket(loop, sock)
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        infos = await ensure_resolved(loop, address, family=sock.family, type=sock.type, proto=sock.proto)
        address = infos[0][4]
    try:
        sock.connect(address)
    except NOT_READY:
        # The attempt continues after EINTR. When it has ended, the socket is writable.
        await when_writable(loop, sock, lambda: _raise_connect_error(sock, address))


async def sock_accept(loop: Loop, sock: Any) -> Any:
    """Accept a connection. Return the new socket and its peer's address."""
    check_socket(loop, sock)
    try:
        return _accept(sock)
    except NOT_READY:
        return await when_readable(loop, sock, lambda: _accept(sock))


def _attempt(future: Any, operation: Callable[[], Any]) -> None:
    if future.done():
        return
    try:
        result = operation()
    except NOT_READY:
        return
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)
    finally:
        # The exception has this frame, which has the future. With the exception in the future, that would be
        # a cycle.
        future = None


def _stop_watching(remove: Any, descriptor: int, handle: Any, future: Any) -> None:
    # If the handle is cancelled, a later operation has replaced it. Its watch must not end here.
    # The method of a derived class may return None.
    if handle is None or not handle.cancelled():
        remove(descriptor)


def _accept(sock: Any) -> Any:
    connection, address = sock.accept()
    connection.setblocking(False)
    return connection, address


def _raise_connect_error(sock: Any, address: Any) -> None:
    error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error != 0:
        raise OSError(error, f"Connect call failed {address}")
