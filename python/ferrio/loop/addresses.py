"""Addresses and the sockets for them: literal addresses, the order of attempts, checks."""

from __future__ import annotations

import itertools
import os
import socket
import stat
from asyncio.log import logger
from collections.abc import Sequence

from ferrio import versions

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ferrio.loop import Loop

__all__ = (
    "bind_error",
    "check_ssl_socket",
    "check_unix_socket",
    "ensure_resolved",
    "interleave_addresses",
    "literal_address",
    "remove_stale_socket",
    "set_reuse_port",
)


def check_ssl_socket(sock: Any) -> None:
    """Raise TypeError for a socket that does TLS itself."""
    import ssl

    if isinstance(sock, ssl.SSLSocket):
        raise TypeError("Socket cannot be of type SSLSocket")


def check_unix_socket(sock: Any) -> None:
    """Raise ValueError for a socket that is not a Unix stream socket."""
    if sock.family != socket.AF_UNIX or sock.type != socket.SOCK_STREAM:
        raise ValueError(f"A UNIX Domain Stream Socket was expected, got {sock!r}")


def remove_stale_socket(path: Any) -> None:
    """Remove the socket that an earlier server has left at a path. Abstract names need no removal."""
    if path[0] in (0, "\x00"):
        return
    try:
        if stat.S_ISSOCK(os.stat(path).st_mode):
            os.remove(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        # Perhaps the directory allows creating sockets only.
        logger.error("Unable to check or remove stale UNIX socket %r: %r", path, error)


def set_reuse_port(sock: socket.socket) -> None:
    """Let several sockets listen on one address. ValueError if the system cannot do it."""
    if not hasattr(socket, "SO_REUSEPORT"):
        raise ValueError("reuse_port not supported by socket module")
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except OSError:
        raise ValueError(
            "reuse_port not supported by socket module, SO_REUSEPORT defined but not implemented."
        ) from None


def literal_address(
    host: Any, port: Any, family: int, type: int, proto: int, flowinfo: int = 0, scope_id: int = 0
) -> Any:
    """Return the answer of getaddrinfo() for a literal address and a numeric port; None for others."""
    if proto not in {0, socket.IPPROTO_TCP, socket.IPPROTO_UDP} or host is None:
        return None
    if type == socket.SOCK_STREAM:
        proto = socket.IPPROTO_TCP
    elif type == socket.SOCK_DGRAM:
        proto = socket.IPPROTO_UDP
    else:
        return None
    if port is None or port in ("", b""):
        port = 0
    else:
        try:
            port = int(port)
        except (ValueError, TypeError):
            return None  # the name of a service
    if isinstance(host, bytes):
        try:
            host = host.decode("idna")
        except UnicodeError:
            return None
    if not isinstance(host, str) or "%" in host:
        return None  # a scope needs the system's knowledge of interfaces
    families = [socket.AF_INET, socket.AF_INET6] if family == socket.AF_UNSPEC else [family]
    for one in families:
        try:
            socket.inet_pton(one, host)
        except (OSError, ValueError):
            continue
        if one == socket.AF_INET6:
            return one, type, proto, "", (host, port, flowinfo, scope_id)
        return one, type, proto, "", (host, port)
    return None


def bind_error(error: OSError, address: Any) -> OSError:
    """Return the error of a bind(), with the address in its message."""
    reason = str(error) if versions.BIND_ERROR_HAS_NUMBER else str(error.strerror)
    message = f"error while attempting to bind on address {address!r}: {reason.lower()}"
    return OSError(error.errno, message)


async def ensure_resolved(
    loop: Loop,
    address: Sequence[Any],
    *,
    family: int = 0,
    type: int = socket.SOCK_STREAM,
    proto: int = 0,
    flags: int = 0,
) -> list[Any]:
    """Return the answer of getaddrinfo() for (host, port). Literal addresses need no call."""
    host, port = address[:2]
    info = literal_address(host, port, family, type, proto, *address[2:])
    if info is not None:
        return [info]
    infos: list[Any] = await loop.getaddrinfo(host, port, family=family, type=type, proto=proto, flags=flags)
    return infos


def interleave_addresses(infos: Sequence[Any], first_family_count: int = 1) -> list[Any]:
    """Interleave families (RFC 8305): first_family_count of the first family, then one of each in turn."""
    by_family: dict[int, list[Any]] = {}
    for info in infos:
        by_family.setdefault(info[0], []).append(info)
    lists = list(by_family.values())
    first = lists[0][: first_family_count - 1]
    lists[0] = lists[0][first_family_count - 1 :]
    mixed = itertools.chain.from_iterable(itertools.zip_longest(*lists))
    return first + [info for info in mixed if info is not None]
