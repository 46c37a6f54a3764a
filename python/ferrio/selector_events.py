"""Low-level socket operations: loop.sock_recv() and its kin.

All have one form: try at once; if the socket is not ready, try again whenever it is.

Those that begin with an underscore are in Rust for sockets of the interpreter's own class; these here are for
others, as those of a program's own class.
"""

from __future__ import annotations

import asyncio
import functools
import socket
from collections.abc import Callable

from ferrio.addresses import check_ssl_socket, ensure_resolved

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ("SocketOperationsMixin",)

# `import ferrio as asyncio`: what is not here is asyncio's.
__getattr__ = functools.partial(getattr, asyncio.selector_events)

_NOT_READY = (BlockingIOError, InterruptedError)


class SocketOperationsMixin:
    """The loop's operations on sockets that the user owns."""

    _debug: bool
    create_future: Any
    _ensure_fd_no_transport: Any
    _add_reader: Any
    _add_writer: Any
    _remove_reader: Any
    _remove_writer: Any

    def _check_socket(self, sock: Any) -> None:
        check_ssl_socket(sock)
        if self._debug and sock.gettimeout() != 0:
            raise ValueError("the socket must be non-blocking")

    def _when_readable(self, sock: Any, operation: Callable[[], Any]) -> Any:
        """Return a future of the operation, tried whenever the socket is readable."""
        return self._when(self._add_reader, self._remove_reader, sock, operation)

    def _when_writable(self, sock: Any, operation: Callable[[], Any]) -> Any:
        """Return a future of the operation, tried whenever the socket is writable."""
        return self._when(self._add_writer, self._remove_writer, sock, operation)

    def _when(self, add: Any, remove: Any, sock: Any, operation: Callable[[], Any]) -> Any:
        future = self.create_future()
        descriptor = sock.fileno()
        self._ensure_fd_no_transport(descriptor)
        handle = add(descriptor, _attempt, future, operation)
        future.add_done_callback(functools.partial(_stop_watching, remove, descriptor, handle))
        return future

    async def _sock_recv(self, sock: Any, nbytes: int) -> bytes:
        """Receive up to nbytes from a connected socket."""
        self._check_socket(sock)
        try:
            data: bytes = sock.recv(nbytes)
        except _NOT_READY:
            data = await self._when_readable(sock, lambda: sock.recv(nbytes))
        return data

    async def _sock_recv_into(self, sock: Any, buf: Any) -> int:
        """Receive into a buffer. Return how many bytes."""
        self._check_socket(sock)
        try:
            count: int = sock.recv_into(buf)
        except _NOT_READY:
            count = await self._when_readable(sock, lambda: sock.recv_into(buf))
        return count

    async def sock_recvfrom(self, sock: Any, bufsize: int) -> Any:
        """Receive a datagram of up to bufsize bytes. Return it with its sender."""
        self._check_socket(sock)
        try:
            return sock.recvfrom(bufsize)
        except _NOT_READY:
            return await self._when_readable(sock, lambda: sock.recvfrom(bufsize))

    async def sock_recvfrom_into(self, sock: Any, buf: Any, nbytes: int = 0) -> Any:
        """Receive a datagram into a buffer. Return its length and its sender."""
        self._check_socket(sock)
        nbytes = nbytes or len(buf)
        try:
            return sock.recvfrom_into(buf, nbytes)
        except _NOT_READY:
            return await self._when_readable(sock, lambda: sock.recvfrom_into(buf, nbytes))

    async def _sock_sendall(self, sock: Any, data: Any) -> None:
        """Send all of the data."""
        self._check_socket(sock)
        try:
            sent = sock.send(data)
        except _NOT_READY:
            sent = 0
        if sent == len(data):
            return
        rest = memoryview(data)[sent:]

        def send_rest() -> None:
            nonlocal rest
            rest = rest[sock.send(rest) :]
            if rest:
                raise BlockingIOError

        await self._when_writable(sock, send_rest)

    async def sock_sendto(self, sock: Any, data: Any, address: Any) -> int:
        """Send a datagram to an address. Return how many bytes were sent."""
        self._check_socket(sock)
        try:
            count: int = sock.sendto(data, address)
        except _NOT_READY:
            count = await self._when_writable(sock, lambda: sock.sendto(data, 0, address))
        return count

    async def sock_connect(self, sock: Any, address: Any) -> None:
        """Connect a socket."""
        self._check_socket(sock)
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            infos = await ensure_resolved(self, address, family=sock.family, type=sock.type, proto=sock.proto)
            address = infos[0][4]
        try:
            sock.connect(address)
        except _NOT_READY:
            # Also after EINTR the attempt goes on; when it has ended, the socket is writable.
            await self._when_writable(sock, lambda: _raise_connect_error(sock, address))

    async def _sock_accept(self, sock: Any) -> Any:
        """Accept a connection. Return the new socket and its peer's address."""
        self._check_socket(sock)
        try:
            return _accept(sock)
        except _NOT_READY:
            return await self._when_readable(sock, lambda: _accept(sock))


def _attempt(future: Any, operation: Callable[[], Any]) -> None:
    if future.done():
        return
    try:
        result = operation()
    except _NOT_READY:
        return
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)
    finally:
        # An exception that holds its own frame, which holds the future, would be a cycle.
        future = None


def _stop_watching(remove: Any, descriptor: int, handle: Any, future: Any) -> None:
    # A cancelled handle was replaced by a later operation, whose watch this must not end.
    if not handle.cancelled():
        remove(descriptor)


def _accept(sock: Any) -> Any:
    connection, address = sock.accept()
    connection.setblocking(False)
    return connection, address


def _raise_connect_error(sock: Any, address: Any) -> None:
    error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error != 0:
        raise OSError(error, f"Connect call failed {address}")
