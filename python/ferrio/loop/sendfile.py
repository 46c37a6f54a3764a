"""Sending files: loop.sendfile(), loop.sock_sendfile()."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import socket
import sys
from asyncio import constants, exceptions

from ferrio import _core, versions
from ferrio.loop.frames.asyncio import unix_events

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from ferrio.loop import Loop

__all__ = ("sendfile", "sock_sendfile")

# How many bytes are read and written at a time if the kernel cannot send a file to a transport. The number is
# asyncio's, which has no name for it. For a socket, asyncio uses constants.SENDFILE_FALLBACK_READBUFFER_SIZE.
_TRANSPORT_BLOCK_SIZE = 16 * 1024

# The most bytes for one call; more would not fit the kernel's type.
_LARGEST_BLOCK = sys.maxsize // 2 + 1


async def sendfile(
    loop: Loop, transport: Any, file: Any, offset: int, count: int | None, fallback: bool
) -> int:
    """Send a regular file opened in binary mode through a transport. Return the number of bytes.

    offset and count in bytes. RuntimeError for transports that cannot send files, and if the kernel cannot
    and fallback is False.
    """
    if transport.is_closing():
        raise RuntimeError("Transport is closing")
    mode = getattr(transport, "_sendfile_compatible", constants._SendfileMode.UNSUPPORTED)
    if mode is constants._SendfileMode.UNSUPPORTED:
        raise RuntimeError(f"sendfile is not supported for transport {transport!r}")
    if mode is constants._SendfileMode.TRY_NATIVE:
        try:
            return await _sendfile_native(loop, transport, file, offset, count)
        except exceptions.SendfileNotAvailableError:
            if not fallback:
                raise
    if not fallback:
        raise RuntimeError(
            f"fallback is disabled and native sendfile is not supported for transport {transport!r}"
        )
    return await _sendfile_fallback(loop, transport, file, offset, count)


async def _sendfile_native(loop: Loop, transport: Any, file: Any, offset: int, count: int | None) -> int:
    resume = transport.is_reading()
    transport.pause_reading()
    await transport._make_empty_waiter()
    try:
        return await _sendfile_by_kernel(loop, transport._sock, file, offset, count, transport)
    finally:
        transport._reset_empty_waiter()
        if resume:
            transport.resume_reading()


async def _sendfile_fallback(loop: Loop, transport: Any, file: Any, offset: int, count: int | None) -> int:
    _seek(file, offset)
    protocol = _FallbackProtocol(loop, transport)

    async def send(data: memoryview) -> None:
        transport.write(data)
        await protocol.drain()

    try:
        return await _send_by_reading(loop, file, offset, count, _TRANSPORT_BLOCK_SIZE, send)
    finally:
        await protocol.restore()


async def sock_sendfile(
    loop: Loop, sock: Any, file: Any, offset: int, count: int | None, fallback: bool | None
) -> int:
    """Send a regular file opened in binary mode through a socket. Return the number of bytes."""
    if loop._debug and sock.gettimeout() != 0:
        raise ValueError("the socket must be non-blocking")
    _check_sendfile_params(sock, file, offset, count)
    try:
        return await _sendfile_by_kernel(loop, sock, file, offset, count)
    except exceptions.SendfileNotAvailableError:
        if fallback is not None and not fallback:
            raise
    return await _sock_sendfile_fallback(loop, sock, file, offset, count)


def _check_sendfile_params(sock: Any, file: Any, offset: Any, count: Any) -> None:
    if "b" not in getattr(file, "mode", "b"):
        raise ValueError("file should be opened in binary mode")
    if sock.type != socket.SOCK_STREAM:
        raise ValueError("only SOCK_STREAM type sockets are supported")
    if count is not None:
        if not isinstance(count, int):
            raise TypeError(f"count must be a positive integer (got {count!r})")
        if count <= 0:
            raise ValueError(f"count must be a positive integer (got {count!r})")
    if not isinstance(offset, int):
        raise TypeError(f"offset must be a non-negative integer (got {offset!r})")
    if offset < 0:
        raise ValueError(f"offset must be a non-negative integer (got {offset!r})")


async def _sendfile_by_kernel(
    loop: Loop, sock: Any, file: Any, offset: int, count: int | None, transport: Any = None
) -> int:
    """Send with os.sendfile(); the socket may be a transport's own."""
    work = _send_by_kernel(loop, sock, file, offset, count, transport)
    return await unix_events._sock_sendfile_native_impl(work)


async def _send_by_kernel(
    loop: Loop, sock: Any, file: Any, offset: int, count: int | None, transport: Any
) -> int:
    try:
        source = file.fileno()
        size = os.fstat(source).st_size
    except (AttributeError, io.UnsupportedOperation, OSError):
        raise exceptions.SendfileNotAvailableError("not a regular file") from None
    if not (count or size):
        return 0
    sent = 0
    try:
        while True:
            block = min(count - sent if count else size, _LARGEST_BLOCK)
            if block <= 0:
                return sent
            try:
                step = os.sendfile(sock.fileno(), source, offset + sent, block)
            except (BlockingIOError, InterruptedError):
                await _wait_writable(loop, sock, transport)
                continue
            if step == 0:
                return sent
            sent += step
            if isinstance(transport, _core.SocketTransport):
                transport._note_sent(step)
    except OSError as error:
        if error.errno == errno.ENOTCONN and type(error) is not ConnectionError:
            raise ConnectionError("socket is not connected", errno.ENOTCONN) from error
        if sent == 0 and not isinstance(error, ConnectionError):
            # Perhaps the file cannot be mapped. Reading and writing it may work.
            raise exceptions.SendfileNotAvailableError("os.sendfile call failed") from None
        raise
    finally:
        if sent > 0 or versions.SENDFILE_ALWAYS_SEEKS:
            os.lseek(source, offset + sent, os.SEEK_SET)


async def _wait_writable(loop: Loop, sock: Any, transport: Any) -> None:
    descriptor = sock.fileno()
    future = loop.create_future()
    if transport is None:
        loop._ensure_fd_no_transport(descriptor)
    else:
        # The wait ends with the transport.
        transport._set_empty_waiter(future)
    handle = loop._add_writer(descriptor, _set_writable, future)
    try:
        await future
    finally:
        if handle is None or not handle.cancelled():
            loop._remove_writer(descriptor)


async def _sock_sendfile_fallback(loop: Loop, sock: Any, file: Any, offset: int, count: int | None) -> int:
    _seek(file, offset)

    async def send(data: memoryview) -> None:
        await loop.sock_sendall(sock, data)

    return await _send_by_reading(
        loop, file, offset, count, constants.SENDFILE_FALLBACK_READBUFFER_SIZE, send
    )


async def _send_by_reading(
    loop: Loop,
    file: Any,
    offset: int,
    count: int | None,
    block: int,
    send: Callable[[memoryview], Awaitable[None]],
) -> int:
    """Read a file from its position, offset, and send it in blocks. Return the number of bytes.

    block: the most bytes to read at a time. At the end, also after a failure, the file's position is after
    the bytes that were sent.
    """
    block = min(count, block) if count else block
    buffer = memoryview(bytearray(block))
    sent = 0
    try:
        while True:
            if count:
                block = min(count - sent, block)
                if block <= 0:
                    return sent
            view = buffer[:block]
            read = await loop.run_in_executor(None, file.readinto, view)
            if not read:
                return sent
            await send(view[:read])
            sent += read
    finally:
        if sent > 0:
            _seek(file, offset + sent)


def _seek(file: Any, position: int) -> None:
    """Set a file's position, if it has one."""
    if hasattr(file, "seek"):
        file.seek(position)


def _set_writable(future: Any) -> None:
    if not future.done():
        future.set_result(None)


class _FallbackProtocol(asyncio.Protocol):
    """Replaces the transport's protocol while a file is read and written."""

    def __init__(self, loop: Any, transport: Any) -> None:
        self._loop = loop
        self._transport = transport
        self._protocol = transport.get_protocol()
        self._resume_reading = transport.is_reading()
        self._resume_writing = transport._protocol_paused
        transport.pause_reading()
        transport.set_protocol(self)
        self._writable: Any = loop.create_future() if self._resume_writing else None

    async def drain(self) -> None:
        if self._transport.is_closing():
            raise ConnectionError("Connection closed by peer")
        if self._writable is not None:
            await self._writable

    def connection_made(self, transport: Any) -> None:
        raise RuntimeError("Invalid state: connection should have been established already.")

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._writable is not None:
            # The waiting code has not closed the connection, so this is always an error for it.
            self._writable.set_exception(exc or ConnectionError("Connection is closed by peer"))
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        if self._writable is None:
            self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._writable is not None:
            self._writable.set_result(False)
            self._writable = None

    def data_received(self, data: bytes) -> None:
        raise RuntimeError("Invalid state: reading should be paused")

    def eof_received(self) -> None:
        raise RuntimeError("Invalid state: reading should be paused")

    async def restore(self) -> None:
        self._transport.set_protocol(self._protocol)
        if self._resume_reading:
            self._transport.resume_reading()
        if self._writable is not None:
            self._writable.cancel()
        if self._resume_writing:
            self._protocol.resume_writing()
