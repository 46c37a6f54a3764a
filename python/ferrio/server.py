"""Server, loop.create_server() and create_unix_server()."""

from __future__ import annotations

import asyncio
import collections.abc
import contextlib
import contextvars
import errno
import itertools
import os
import socket
import sys
import weakref
from asyncio import trsock
from asyncio.log import logger

from ferrio import _core
from ferrio.addresses import (
    bind_error,
    check_ssl_socket,
    check_unix_socket,
    ensure_resolved,
    remove_stale_socket,
    set_reuse_port,
)
from ferrio.tls import check_timeouts, make_tls_transport

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ("Server", "ServerMixin")


# From 3.13 on a Unix server removes its socket's path when it is closed.
_CLEANS_UP_SOCKETS = sys.version_info >= (3, 13)

# From 3.13 on an address that this machine does not have is passed over if others can be bound.
_SKIPS_UNAVAILABLE = sys.version_info >= (3, 13)


class Server(asyncio.Server):
    """Listening sockets and the connections that came through them; see asyncio.Server."""

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
        # Weak, so that a transport that nobody holds any more is noticed.
        self._clients: weakref.WeakSet[Any] = weakref.WeakSet()
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
        if self._path is None:
            return
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
            # As up to 3.12 those outside do it, who only count.
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
                _core.Listener, self._loop, sock, self._protocol_factory, self, self._backlog, accept_tls
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
                # Gone before the next exception can make a cycle of it.
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
        """The listening sockets, to be looked at; empty once the server is closed."""
        if self._sockets is None:
            return ()
        return tuple(trsock.TransportSocket(sock) for sock in self._sockets)

    def close(self) -> None:
        """Stop accepting; connections that stand are left alone."""
        sockets, self._sockets = self._sockets, None
        if sockets is None:
            return
        for listener in self._listeners:
            listener.stop()
        self._listeners.clear()
        for sock in sockets:
            sock.close()
        self._remove_path()
        self._serving = False
        if self._serving_forever_future is not None and not self._serving_forever_future.done():
            self._serving_forever_future.cancel()
            self._serving_forever_future = None
        if not self._has_clients():
            self._wake_up()

    # New in 3.13; there is no harm in having them before.
    def close_clients(self) -> None:
        """Close every connection that came through this server."""
        for transport in self._clients.copy():
            transport.close()

    def abort_clients(self) -> None:
        """Close every connection that came through this server at once."""
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
                if sys.version_info >= (3, 13):
                    self.close_clients()
                await self.wait_closed()
            finally:
                raise
        finally:
            self._serving_forever_future = None

    async def wait_closed(self) -> None:
        """Wait until the server is closed and its connections are gone (3.11: only until it is closed)."""
        if self._waiters is None or (sys.version_info < (3, 12) and self._sockets is None):
            return
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        await waiter


class ServerMixin:
    """loop.create_server()."""

    async def create_server(
        self,
        protocol_factory: Any,
        host: Any = None,
        port: Any = None,
        *,
        family: int = socket.AF_UNSPEC,
        flags: int = socket.AI_PASSIVE,
        sock: Any = None,
        backlog: int = 100,
        ssl: Any = None,
        reuse_address: bool | None = None,
        reuse_port: bool | None = None,
        keep_alive: bool | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        start_serving: bool = True,
    ) -> Server:
        """Listen on TCP addresses; see asyncio's loop.create_server().

        host: a name, a sequence of names, or None for every interface. backlog: connections that the
        kernel keeps waiting. Timeouts in seconds. OSError if no address can be bound.
        """
        if isinstance(ssl, bool):
            raise TypeError("ssl argument must be an SSLContext or None")
        if ssl_handshake_timeout is not None and ssl is None:
            raise ValueError("ssl_handshake_timeout is only meaningful with ssl")
        if ssl_shutdown_timeout is not None and ssl is None:
            raise ValueError("ssl_shutdown_timeout is only meaningful with ssl")
        if sock is not None:
            check_ssl_socket(sock)
        if host is not None or port is not None:
            if sock is not None:
                raise ValueError("host/port and sock can not be specified at the same time")
            infos = await self._server_addresses(host, port, family, flags)
            reuse_address = True if reuse_address is None else reuse_address
            sockets = self._bind_all(infos, reuse_address, reuse_port, keep_alive)
        else:
            if sock is None:
                raise ValueError("Neither host/port nor sock were specified")
            if sock.type != socket.SOCK_STREAM:
                raise ValueError(f"A Stream Socket was expected, got {sock!r}")
            sockets = [sock]
        for one in sockets:
            one.setblocking(False)
        server = Server(
            self, sockets, protocol_factory, ssl, backlog, ssl_handshake_timeout, ssl_shutdown_timeout
        )
        if start_serving:
            await server.start_serving()
        if self._debug:  # type: ignore[attr-defined]
            logger.info("%r is serving", server)
        return server

    async def create_unix_server(
        self,
        protocol_factory: Any,
        path: Any = None,
        *,
        sock: Any = None,
        backlog: int = 100,
        ssl: Any = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        start_serving: bool = True,
        cleanup_socket: bool = _CLEANS_UP_SOCKETS,
    ) -> Server:
        """Listen on a Unix socket. Timeouts in seconds."""
        if isinstance(ssl, bool):
            raise TypeError("ssl argument must be an SSLContext or None")
        check_timeouts(ssl, ssl_handshake_timeout, ssl_shutdown_timeout)
        if path is not None:
            if sock is not None:
                raise ValueError("path and sock can not be specified at the same time")
            sock = _bind_unix_socket(os.fspath(path))
        else:
            if sock is None:
                raise ValueError("path was not specified, and no sock specified")
            check_unix_socket(sock)
        sock.setblocking(False)
        server = Server(
            self, [sock], protocol_factory, ssl, backlog, ssl_handshake_timeout, ssl_shutdown_timeout
        )
        if cleanup_socket:
            server._remember_path(sock)
        if start_serving:
            await server.start_serving()
        return server

    async def _server_addresses(self, host: Any, port: Any, family: int, flags: int) -> list[Any]:
        if host == "":
            hosts: Any = [None]
        elif isinstance(host, str) or not isinstance(host, collections.abc.Iterable):
            hosts = [host]
        else:
            hosts = host
        found = await asyncio.gather(*[self._server_address(one, port, family, flags) for one in hosts])
        # A host that is named twice, perhaps by two names, is bound once.
        return list(dict.fromkeys(itertools.chain.from_iterable(found)))

    async def _server_address(self, host: Any, port: Any, family: int, flags: int) -> list[Any]:
        infos = await ensure_resolved(self, (host, port), family=family, type=socket.SOCK_STREAM, flags=flags)
        if not infos:
            raise OSError(f"getaddrinfo({host!r}) returned empty list")
        return infos

    def _bind_all(
        self, infos: list[Any], reuse_address: bool, reuse_port: bool | None, keep_alive: bool | None
    ) -> list[socket.socket]:
        sockets: list[socket.socket] = []
        try:
            for info in infos:
                sock = self._bind_one(info, reuse_address, reuse_port, keep_alive)
                if sock is not None:
                    sockets.append(sock)
            if not sockets:
                raise OSError(f"could not bind on any address out of {[info[4] for info in infos]!r}")
        except BaseException:
            for sock in sockets:
                sock.close()
            raise
        return sockets

    def _bind_one(
        self, info: Any, reuse_address: bool, reuse_port: bool | None, keep_alive: bool | None
    ) -> socket.socket | None:
        family, kind, proto, _, address = info
        debug = self._debug  # type: ignore[attr-defined]
        try:
            sock = socket.socket(family, kind, proto)
        except OSError:
            if debug:
                logger.warning(
                    "create_server() failed to create socket.socket(%r, %r, %r)",
                    family,
                    kind,
                    proto,
                    exc_info=True,
                )
            return None
        try:
            if reuse_address:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, True)
            # Linux refuses it for other families since 6.12.9.
            if reuse_port and family in (socket.AF_INET, socket.AF_INET6):
                set_reuse_port(sock)
            if keep_alive:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, True)
            if family == socket.AF_INET6:
                # Otherwise one socket would take IPv4 too, and the IPv4 one could not be bound.
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, True)
            sock.bind(address)
        except OSError as error:
            sock.close()
            described = bind_error(error, address)
            if error.errno == errno.EADDRNOTAVAIL and _SKIPS_UNAVAILABLE:
                # The family may be disabled on this machine.
                if debug:
                    logger.warning(described.strerror)
                return None
            raise described from None
        except BaseException:
            sock.close()
            raise
        return sock


def _bind_unix_socket(path: Any) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        remove_stale_socket(path)
        sock.bind(path)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise OSError(errno.EADDRINUSE, f"Address {path!r} is already in use") from None
        raise
    except BaseException:
        sock.close()
        raise
    return sock
