"""Stream connections: loop.create_connection(), create_unix_connection(), connect_accepted_socket()."""

from __future__ import annotations

import os
import socket
from asyncio import staggered
from asyncio.log import logger

from ferrio.loop.addresses import (
    bind_error,
    check_ssl_socket,
    check_unix_socket,
    ensure_resolved,
    interleave_addresses,
)
from ferrio.loop.socket_classes import make_socket_transport
from ferrio.tls import check_timeouts, make_tls_transport

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ferrio.loop import Loop

__all__ = ("connect_accepted_socket", "create_connection", "create_unix_connection")


async def create_connection(
    loop: Loop,
    protocol_factory: Any,
    host: Any,
    port: Any,
    *,
    ssl: Any,
    family: int,
    proto: int,
    flags: int,
    sock: Any,
    local_addr: Any,
    server_hostname: str | None,
    ssl_handshake_timeout: float | None,
    ssl_shutdown_timeout: float | None,
    happy_eyeballs_delay: float | None,
    interleave: int | None,
    all_errors: bool,
) -> Any:
    """Connect to a TCP address. Return (transport, protocol); see asyncio's loop.create_connection()."""
    if server_hostname is not None and not ssl:
        raise ValueError("server_hostname is only meaningful with ssl")
    if server_hostname is None and ssl:
        # The certificate is checked for the host. '' turns the check off.
        if not host:
            raise ValueError("You must set server_hostname when using ssl without a host")
        server_hostname = host
    check_timeouts(ssl, ssl_handshake_timeout, ssl_shutdown_timeout)
    if sock is not None:
        check_ssl_socket(sock)
    if happy_eyeballs_delay is not None and interleave is None:
        interleave = 1
    if host is not None or port is not None:
        if sock is not None:
            raise ValueError("host/port and sock can not be specified at the same time")
        infos = await _resolve(loop, (host, port), family, proto, flags)
        local_infos = None
        if local_addr is not None:
            local_infos = await _resolve(loop, local_addr, family, proto, flags)
        if interleave:
            infos = interleave_addresses(infos, interleave)
        sock = await _connect_to_any(loop, infos, local_infos, happy_eyeballs_delay, all_errors)
    else:
        if sock is None:
            raise ValueError("host and port was not specified and no sock specified")
        if sock.type != socket.SOCK_STREAM:
            raise ValueError(f"A Stream Socket was expected, got {sock!r}")
    transport, protocol = await _create_connection_transport(
        loop,
        sock,
        protocol_factory,
        ssl,
        server_hostname,
        ssl_handshake_timeout=ssl_handshake_timeout,
        ssl_shutdown_timeout=ssl_shutdown_timeout,
    )
    if loop._debug:
        sock = transport.get_extra_info("socket")
        logger.debug("%r connected to %s:%r: (%r, %r)", sock, host, port, transport, protocol)
    return transport, protocol


async def _resolve(loop: Loop, address: Any, family: int, proto: int, flags: int) -> list[Any]:
    infos = await ensure_resolved(
        loop, address, family=family, type=socket.SOCK_STREAM, proto=proto, flags=flags
    )
    if not infos:
        raise OSError("getaddrinfo() returned empty list")
    return infos


async def _connect_to_any(
    loop: Loop, infos: list[Any], local_infos: Any, delay: float | None, all_errors: bool
) -> socket.socket:
    """Try the addresses one after another, or several at a time with happy eyeballs."""
    failures: list[list[OSError]] = []
    sock: socket.socket | None = None
    if delay is None:
        for info in infos:
            try:
                sock = await _connect_sock(loop, failures, info, local_infos)
                break
            except OSError:
                continue
    else:
        attempts = (lambda info=info: _connect_sock(loop, failures, info, local_infos) for info in infos)
        sock = (await staggered.staggered_race(attempts, delay, loop=loop))[0]
    if sock is not None:
        return sock
    errors = [error for one in failures for error in one]
    try:
        _raise_all(errors, all_errors)
    finally:
        # The traceback of an exception has this list. With the exception in it, that would be a cycle.
        errors.clear()
        failures.clear()
    raise AssertionError("unreachable")


async def _connect_sock(loop: Loop, failures: list[list[OSError]], info: Any, local_infos: Any) -> Any:
    mine: list[OSError] = []
    failures.append(mine)
    family, kind, proto, _, address = info
    sock = None
    try:
        sock = socket.socket(family=family, type=kind, proto=proto)
        sock.setblocking(False)
        if local_infos is not None:
            _bind_to_any(sock, family, local_infos, mine)
        await loop.sock_connect(sock, address)
        return sock
    except OSError as error:
        mine.append(error)
        if sock is not None:
            _close_quietly(sock)
        raise
    except BaseException:
        if sock is not None:
            _close_quietly(sock)
        raise
    finally:
        mine = None  # type: ignore[assignment]  # see _connect_to_any


async def _create_connection_transport(
    loop: Loop,
    sock: Any,
    protocol_factory: Any,
    ssl: Any,
    server_hostname: str | None,
    server_side: bool = False,
    ssl_handshake_timeout: float | None = None,
    ssl_shutdown_timeout: float | None = None,
) -> Any:
    try:
        sock.setblocking(False)
        protocol = protocol_factory()
        waiter: Any = loop.create_future()
        if ssl:
            transport = make_tls_transport(
                loop,
                sock,
                protocol,
                None if isinstance(ssl, bool) else ssl,
                waiter,
                server_side=server_side,
                server_hostname=server_hostname,
                ssl_handshake_timeout=ssl_handshake_timeout,
                ssl_shutdown_timeout=ssl_shutdown_timeout,
            )
        else:
            transport = make_socket_transport(loop, sock, protocol, waiter)
    except BaseException:
        sock.close()
        raise
    try:
        await waiter
    except BaseException:
        transport.close()
        waiter = None  # or the exception's traceback would make a cycle of it
        raise
    return transport, protocol


async def create_unix_connection(
    loop: Loop,
    protocol_factory: Any,
    path: Any,
    *,
    ssl: Any,
    sock: Any,
    server_hostname: str | None,
    ssl_handshake_timeout: float | None,
    ssl_shutdown_timeout: float | None,
) -> Any:
    """Connect to a Unix socket. Return (transport, protocol). Timeouts in seconds."""
    assert server_hostname is None or isinstance(server_hostname, str)
    if ssl:
        if server_hostname is None:
            raise ValueError("you have to pass server_hostname when using ssl")
    elif server_hostname is not None:
        raise ValueError("server_hostname is only meaningful with ssl")
    check_timeouts(ssl, ssl_handshake_timeout, ssl_shutdown_timeout)
    if path is not None:
        if sock is not None:
            raise ValueError("path and sock can not be specified at the same time")
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0)
        try:
            sock.setblocking(False)
            await loop.sock_connect(sock, os.fspath(path))
        except BaseException:
            sock.close()
            raise
    else:
        if sock is None:
            raise ValueError("no path and sock were specified")
        check_unix_socket(sock)
        sock.setblocking(False)
    return await _create_connection_transport(
        loop,
        sock,
        protocol_factory,
        ssl,
        server_hostname,
        ssl_handshake_timeout=ssl_handshake_timeout,
        ssl_shutdown_timeout=ssl_shutdown_timeout,
    )


async def connect_accepted_socket(
    loop: Loop,
    protocol_factory: Any,
    sock: Any,
    *,
    ssl: Any,
    ssl_handshake_timeout: float | None,
    ssl_shutdown_timeout: float | None,
) -> Any:
    """Serve a connection that was accepted elsewhere. Return (transport, protocol)."""
    if sock.type != socket.SOCK_STREAM:
        raise ValueError(f"A Stream Socket was expected, got {sock!r}")
    check_timeouts(ssl, ssl_handshake_timeout, ssl_shutdown_timeout)
    check_ssl_socket(sock)
    transport, protocol = await _create_connection_transport(
        loop,
        sock,
        protocol_factory,
        ssl,
        "",
        server_side=True,
        ssl_handshake_timeout=ssl_handshake_timeout,
        ssl_shutdown_timeout=ssl_shutdown_timeout,
    )
    if loop._debug:
        sock = transport.get_extra_info("socket")
        logger.debug("%r handled: (%r, %r)", sock, transport, protocol)
    return transport, protocol


def _raise_all(errors: list[OSError], all_errors: bool) -> None:
    """Raise the reason why no address could be connected to."""
    if all_errors:
        raise ExceptionGroup("create_connection failed", errors)
    if not errors:
        raise TimeoutError("create_connection failed")
    if len({str(error) for error in errors}) == 1:
        raise errors[0]
    raise OSError("Multiple exceptions: {}".format(", ".join(str(error) for error in errors)))


def _bind_to_any(sock: socket.socket, family: int, infos: Any, failures: list[OSError]) -> None:
    """Bind to the first local address that is available."""
    for local_family, _, _, _, address in infos:
        if local_family != family:
            continue
        try:
            sock.bind(address)
            return
        except OSError as error:
            failures.append(bind_error(error, address))
    if failures:
        raise failures.pop()
    raise OSError(f"no matching local address with {family=} found")


def _close_quietly(sock: socket.socket) -> None:
    """Close the socket of a failed attempt, and ignore errors."""
    try:
        sock.close()
    except OSError:
        pass
