"""Creating servers: loop.create_server(), loop.create_unix_server(). `ferrio.server` has their class."""

from __future__ import annotations

import asyncio
import collections.abc
import errno
import itertools
import os
import socket
from asyncio.log import logger

from ferrio import versions
from ferrio.loop.addresses import (
    bind_error,
    check_ssl_socket,
    check_unix_socket,
    ensure_resolved,
    remove_stale_socket,
    set_reuse_port,
)
from ferrio.server import Server
from ferrio.tls import check_timeouts

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ferrio.loop import Loop

__all__ = ("create_server", "create_unix_server")


async def create_server(
    loop: Loop,
    protocol_factory: Any,
    host: Any,
    port: Any,
    *,
    family: int,
    flags: int,
    sock: Any,
    backlog: int,
    ssl: Any,
    reuse_address: bool | None,
    reuse_port: bool | None,
    keep_alive: bool | None,
    ssl_handshake_timeout: float | None,
    ssl_shutdown_timeout: float | None,
    start_serving: bool,
) -> Server:
    """Listen on TCP addresses; see asyncio's loop.create_server()."""
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
        infos = await _server_addresses(loop, host, port, family, flags)
        reuse_address = True if reuse_address is None else reuse_address
        sockets = _bind_all(loop, infos, reuse_address, reuse_port, keep_alive)
    else:
        if sock is None:
            raise ValueError("Neither host/port nor sock were specified")
        if sock.type != socket.SOCK_STREAM:
            raise ValueError(f"A Stream Socket was expected, got {sock!r}")
        sockets = [sock]
    for one in sockets:
        one.setblocking(False)
    server = Server(
        loop, sockets, protocol_factory, ssl, backlog, ssl_handshake_timeout, ssl_shutdown_timeout
    )
    if start_serving:
        await server.start_serving()
    if loop._debug:
        logger.info("%r is serving", server)
    return server


async def create_unix_server(
    loop: Loop,
    protocol_factory: Any,
    path: Any,
    *,
    sock: Any,
    backlog: int,
    ssl: Any,
    ssl_handshake_timeout: float | None,
    ssl_shutdown_timeout: float | None,
    start_serving: bool,
    cleanup_socket: bool,
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
    server = Server(loop, [sock], protocol_factory, ssl, backlog, ssl_handshake_timeout, ssl_shutdown_timeout)
    if cleanup_socket:
        server._remember_path(sock)
    if start_serving:
        await server.start_serving()
    return server


async def _server_addresses(loop: Loop, host: Any, port: Any, family: int, flags: int) -> list[Any]:
    if host == "":
        hosts: Any = [None]
    elif isinstance(host, str) or not isinstance(host, collections.abc.Iterable):
        hosts = [host]
    else:
        hosts = host
    found = await asyncio.gather(*[_server_address(loop, one, port, family, flags) for one in hosts])
    # A host that occurs twice, perhaps by two names, is bound once.
    return list(dict.fromkeys(itertools.chain.from_iterable(found)))


async def _server_address(loop: Loop, host: Any, port: Any, family: int, flags: int) -> list[Any]:
    infos = await ensure_resolved(loop, (host, port), family=family, type=socket.SOCK_STREAM, flags=flags)
    if not infos:
        raise OSError(f"getaddrinfo({host!r}) returned empty list")
    return infos


def _bind_all(
    loop: Loop, infos: list[Any], reuse_address: bool, reuse_port: bool | None, keep_alive: bool | None
) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    try:
        for info in infos:
            sock = _bind_one(loop, info, reuse_address, reuse_port, keep_alive)
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
    loop: Loop, info: Any, reuse_address: bool, reuse_port: bool | None, keep_alive: bool | None
) -> socket.socket | None:
    family, kind, proto, _, address = info
    debug = loop._debug
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
        # Since 6.12.9, Linux refuses it for other families.
        if reuse_port and family in (socket.AF_INET, socket.AF_INET6):
            set_reuse_port(sock)
        if keep_alive:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, True)
        if family == socket.AF_INET6:
            # Otherwise this socket would take IPv4 too, and the IPv4 socket could not be bound.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, True)
        sock.bind(address)
    except OSError as error:
        sock.close()
        described = bind_error(error, address)
        if error.errno == errno.EADDRNOTAVAIL and versions.SERVERS_SKIP_UNAVAILABLE_ADDRESSES:
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
