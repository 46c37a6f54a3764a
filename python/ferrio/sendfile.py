"""Sending files: loop.sendfile(), loop.sock_sendfile()."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import sys
from asyncio import constants, exceptions

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ("SendfileMixin",)

# Bytes read and written at a time where the kernel can't send a file itself.
_FALLBACK_BLOCK_SIZE = 16 * 1024

# The most that one call is asked for, in bytes: more would not fit the kernel's type.
_LARGEST_BLOCK = sys.maxsize // 2 + 1


class SendfileMixin:
    """The loop's file sending."""

    run_in_executor: Any
    sock_sendall: Any
    _when_writable: Any
    _check_socket: Any

    async def sendfile(
        self, transport: Any, file: Any, offset: int = 0, count: int | None = None, *, fallback: bool = True
    ) -> int:
        """Send a regular file opened in binary mode through a transport. Return the number of bytes.

        offset and count in bytes. RuntimeError for transports that can't and with fallback=False.
        """
        if transport.is_closing():
            raise RuntimeError("Transport is closing")
        mode = getattr(transport, "_sendfile_compatible", constants._SendfileMode.UNSUPPORTED)
        if mode is constants._SendfileMode.UNSUPPORTED:
            raise RuntimeError(f"sendfile is not supported for transport {transport!r}")
        if mode is constants._SendfileMode.TRY_NATIVE:
            try:
                return await self._sendfile_native(transport, file, offset, count)
            except exceptions.SendfileNotAvailableError:
                if not fallback:
                    raise
        if not fallback:
            raise RuntimeError(
                f"fallback is disabled and native sendfile is not supported for transport {transport!r}"
            )
        return await self._sendfile_fallback(transport, file, offset, count)

    async def _sendfile_native(self, transport: Any, file: Any, offset: int, count: int | None) -> int:
        resume = transport.is_reading()
        transport.pause_reading()
        await transport._make_empty_waiter()
        try:
            return await self._sendfile_by_kernel(transport._sock, file, offset, count, transport)
        finally:
            transport._reset_empty_waiter()
            if resume:
                transport.resume_reading()

    async def _sendfile_fallback(self, transport: Any, file: Any, offset: int, count: int | None) -> int:
        if hasattr(file, "seek"):
            file.seek(offset)
        block = min(count, _FALLBACK_BLOCK_SIZE) if count else _FALLBACK_BLOCK_SIZE
        buffer = memoryview(bytearray(block))
        sent = 0
        protocol = _FallbackProtocol(self, transport)
        try:
            while True:
                if count:
                    block = min(count - sent, block)
                    if block <= 0:
                        return sent
                view = buffer[:block]
                read = await self.run_in_executor(None, file.readinto, view)
                if not read:
                    return sent
                transport.write(view[:read])
                await protocol.drain()
                sent += read
        finally:
            if sent > 0 and hasattr(file, "seek"):
                file.seek(offset + sent)
            await protocol.restore()

    async def sock_sendfile(
        self, sock: Any, file: Any, offset: int = 0, count: int | None = None, *, fallback: bool | None = None
    ) -> int:
        """Send a regular file opened in binary mode through a socket. Return the number of bytes."""
        if self._debug and sock.gettimeout() != 0:  # type: ignore[attr-defined]
            raise ValueError("the socket must be non-blocking")
        self._check_sendfile_params(sock, file, offset, count)
        try:
            return await self._sendfile_by_kernel(sock, file, offset, count)
        except exceptions.SendfileNotAvailableError:
            if fallback is not None and not fallback:
                raise
        return await self._sock_sendfile_fallback(sock, file, offset, count)

    def _check_sendfile_params(self, sock: Any, file: Any, offset: Any, count: Any) -> None:
        import socket

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
        self, sock: Any, file: Any, offset: int, count: int | None, transport: Any = None
    ) -> int:
        """Send with os.sendfile(); the socket may be a transport's own."""
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
                    await self._wait_writable(sock, transport)
                    continue
                if step == 0:
                    return sent
                sent += step
        except OSError as error:
            if error.errno == errno.ENOTCONN and type(error) is not ConnectionError:
                raise ConnectionError("socket is not connected", errno.ENOTCONN) from error
            if sent == 0 and not isinstance(error, ConnectionError):
                # Not a file that can be mapped, perhaps; sending it by hand may work.
                raise exceptions.SendfileNotAvailableError("os.sendfile call failed") from None
            raise
        finally:
            if sent > 0 or sys.version_info >= (3, 14):
                os.lseek(source, offset + sent, os.SEEK_SET)

    async def _wait_writable(self, sock: Any, transport: Any) -> None:
        loop: Any = self
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
            if not handle.cancelled():
                loop._remove_writer(descriptor)

    async def _sock_sendfile_fallback(self, sock: Any, file: Any, offset: int, count: int | None) -> int:
        if hasattr(file, "seek"):
            file.seek(offset)
        # asyncio's names for the sizes of this fallback
        block = (
            min(count, constants.SENDFILE_FALLBACK_READBUFFER_SIZE)
            if count
            else constants.SENDFILE_FALLBACK_READBUFFER_SIZE
        )
        buffer = memoryview(bytearray(block))
        sent = 0
        try:
            while True:
                if count:
                    block = min(count - sent, block)
                    if block <= 0:
                        break
                view = buffer[:block]
                read = await self.run_in_executor(None, file.readinto, view)
                if not read:
                    break
                await self.sock_sendall(sock, view[:read])
                sent += read
            return sent
        finally:
            if sent > 0 and hasattr(file, "seek"):
                file.seek(offset + sent)


def _set_writable(future: Any) -> None:
    if not future.done():
        future.set_result(None)


class _FallbackProtocol(asyncio.Protocol):
    """Stands in for the transport's protocol while a file is written by hand."""

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
            # Whoever waits here did not close the connection: for him it is always an error.
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
