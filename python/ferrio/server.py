"""Server: listening sockets and their connections.

`ferrio.loop.servers` creates servers.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
import socket
import weakref
from asyncio import trsock
from asyncio.log import logger

from ferrio import _core, versions
from ferrio.tls import make_tls_transport

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ("Server",)


class Server(asyncio.Server):
    """Listening sockets and their connections; see asyncio.Server."""

    def __init__(
        self,
        loop: Any,
        sockets: list[socket.socket],
        protocol_factory: Any,
        ssl_context: Any,
        backlog: int,
        ssl_handshake_timeout: float | None,
        ssl_shutdown_timeout: float | None = None,
    ) -> None:
        self._loop = loop
        self._sockets: list[socket.socket] | None = sockets
        self._listeners: list[Any] = []
        # Weak, so that a transport without other references is collected, and warns.
        self._clients: Any = weakref.WeakSet()
        self._anonymous_clients = 0
        self._waiters: list[Any] | None = []
        self._protocol_factory = protocol_factory
        self._backlog = backlog
        self._ssl_context = ssl_context
        self._ssl_handshake_timeout = ssl_handshake_timeout
        self._ssl_shutdown_timeout = ssl_shutdown_timeout
        self._serving = False
        self._serving_forever_future: Any = None
        self._context = contextvars.copy_context()
        # The path of a Unix socket and its inode, if it is to be removed.
        self._path: tuple[Any, int] | None = None

    def __repr__(self) -> str:
        return f"<{self.__class__.__name__} sockets={self.sockets!r}>"

    def _remember_path(self, sock: socket.socket) -> None:
        """Remove the path of a Unix socket when the server is closed."""
        path = sock.getsockname()
        if path and path[0] not in (0, "\x00"):
            with contextlib.suppress(FileNotFoundError):
                self._path = path, os.stat(path).st_ino

    def _remove_path(self) -> None:
        assert self._path is not None
        path, inode = self._path
        try:
            if os.stat(path).st_ino == inode:
                os.unlink(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            logger.error("Unable to clean up listening UNIX socket %r: %r", path, error)

    def _attach(self, transport: Any = None) -> None:
        assert self._sockets is not None
        if transport is None:
            # Code from outside may only count, as up to 3.12.
            self._anonymous_clients += 1
        else:
            self._clients.add(transport)

    def _detach(self, transport: Any = None) -> None:
        if transport is None:
            self._anonymous_clients -= 1
        else:
            self._clients.discard(transport)
        if not self._has_clients() and self._sockets is None:
            self._wake_up()

    def _has_clients(self) -> bool:
        return bool(self._clients) or self._anonymous_clients > 0

    def _wake_up(self) -> None:
        waiters, self._waiters = self._waiters, None
        for waiter in waiters or ():
            if not waiter.done():
                waiter.set_result(None)

    def _start_serving(self) -> None:
        if self._serving:
            return
        self._serving = True
        accept_tls = self._accept_tls if self._ssl_context is not None else None
        for sock in self._sockets or ():
            sock.listen(self._backlog)
            listener = self._context.run(
                _core.Acceptor, self._loop, sock, self._protocol_factory, self, self._backlog, accept_tls
            )
            self._listeners.append(listener)
            listener.start()

    def _accept_tls(self, sock: socket.socket, peername: Any) -> None:
        self._loop.create_task(self._shake_hands(sock, peername))

    async def _shake_hands(self, sock: socket.socket, peername: Any) -> None:
        protocol = transport = None
        try:
            protocol = self._protocol_factory()
            waiter = self._loop.create_future()
            transport = make_tls_transport(
                self._loop,
                sock,
                protocol,
                self._ssl_context,
                waiter,
                server_side=True,
                extra={"peername": peername},
                server=self,
                ssl_handshake_timeout=self._ssl_handshake_timeout,
                ssl_shutdown_timeout=self._ssl_shutdown_timeout,
            )
            try:
                await waiter
            except BaseException:
                transport.close()
                # Dropped, because the next exception would make a cycle with it.
                waiter = None
                raise
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            if transport is None:
                sock.close()
            if self._loop.get_debug():
                context = {
                    "message": "Error on transport creation for incoming connection",
                    "exception": error,
                }
                if protocol is not None:
                    context["protocol"] = protocol
                if transport is not None:
                    context["transport"] = transport
                self._loop.call_exception_handler(context)

    def get_loop(self) -> Any:
        """Return the event loop."""
        return self._loop

    def is_serving(self) -> bool:
        """Return True while connections are accepted."""
        return self._serving

    @property
    def sockets(self) -> tuple[Any, ...]:
        """The listening sockets; empty after the server is closed."""
        if self._sockets is None:
            return ()
        return tuple(trsock.TransportSocket(sock) for sock in self._sockets)

    def close(self) -> None:
        """Stop accepting. Open connections stay."""
        sockets, self._sockets = self._sockets, None
        if sockets is None:
            return
        for listener in self._listeners:
            listener.stop()
        self._listeners.clear()
        for sock in sockets:
            sock.close()
        if self._path is not None:
            from ferrio.loop.frames.asyncio import unix_events

            unix_events._stop_serving(self._remove_path)
        self._serving = False
        if self._serving_forever_future is not None and not self._serving_forever_future.done():
            self._serving_forever_future.cancel()
            self._serving_forever_future = None
        if not self._has_clients():
            self._wake_up()

    # New in 3.13, and harmless in earlier versions.
    def close_clients(self) -> None:
        """Close every connection of this server."""
        for transport in self._clients.copy():
            transport.close()

    def abort_clients(self) -> None:
        """Close every connection of this server at once."""
        for transport in self._clients.copy():
            transport.abort()

    async def start_serving(self) -> None:
        """Begin to accept connections."""
        self._start_serving()
        # One iteration, so that the sockets are watched when this returns.
        await asyncio.sleep(0)

    async def serve_forever(self) -> None:
        """Accept connections until cancelled; then close the server."""
        if self._serving_forever_future is not None:
            raise RuntimeError(f"server {self!r} is already being awaited on serve_forever()")
        if self._sockets is None:
            raise RuntimeError(f"server {self!r} is closed")
        self._start_serving()
        self._serving_forever_future = self._loop.create_future()
        try:
            await self._serving_forever_future
        except asyncio.CancelledError:
            try:
                self.close()
                if versions.SERVE_FOREVER_CLOSES_CLIENTS:
                    self.close_clients()
                await self.wait_closed()
            finally:
                raise
        finally:
            self._serving_forever_future = None

    async def wait_closed(self) -> None:
        """Wait until the server is closed and its connections are gone (3.11: only until it is closed)."""
        if self._waiters is None or (not versions.WAIT_CLOSED_WAITS_FOR_CLIENTS and self._sockets is None):
            return
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        await waiter
