"""Datagram endpoints: loop.create_datagram_endpoint()."""

from __future__ import annotations

import socket
from asyncio.log import logger

from ferrio.loop.addresses import ensure_resolved, remove_stale_socket, set_reuse_port
from ferrio.loop.socket_classes import make_datagram_transport

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ferrio.loop import Loop

__all__ = ("create_datagram_endpoint",)


async def create_datagram_endpoint(
    loop: Loop,
    protocol_factory: Any,
    local_addr: Any,
    remote_addr: Any,
    *,
    family: int,
    proto: int,
    flags: int,
    reuse_port: bool | None,
    allow_broadcast: bool | None,
    sock: Any,
) -> Any:
    """Create a datagram endpoint. Return (transport, protocol). See asyncio's method of this name."""
    peer = None
    if sock is not None:
        _check_datagram_socket(
            sock,
            local_addr=local_addr,
            remote_addr=remote_addr,
            family=family,
            proto=proto,
            flags=flags,
            reuse_port=reuse_port,
            allow_broadcast=allow_broadcast,
        )
        sock.setblocking(False)
    else:
        pairs = await _address_pairs(loop, local_addr, remote_addr, family, proto, flags)
        failures = []
        for (one_family, one_proto), (local, remote) in pairs:
            try:
                sock, peer = await _open_datagram_socket(
                    loop,
                    one_family,
                    one_proto,
                    local if local_addr else None,
                    remote if remote_addr else None,
                    reuse_port,
                    allow_broadcast,
                )
                break
            except OSError as error:
                failures.append(error)
        else:
            try:
                raise failures[0]
            finally:
                failures.clear()
    protocol = protocol_factory()
    waiter = loop.create_future()
    transport = make_datagram_transport(loop, sock, protocol, peer, waiter)
    if loop._debug:
        if local_addr:
            logger.info(
                "Datagram endpoint local_addr=%r remote_addr=%r created: (%r, %r)",
                local_addr,
                remote_addr,
                transport,
                protocol,
            )
        else:
            logger.debug(
                "Datagram endpoint remote_addr=%r created: (%r, %r)", remote_addr, transport, protocol
            )
    try:
        await waiter
    except BaseException:
        transport.close()
        raise
    return transport, protocol


async def _address_pairs(
    loop: Loop, local_addr: Any, remote_addr: Any, family: int, proto: int, flags: int
) -> list[Any]:
    """Return ((family, proto), (local address, remote address)) for each combination to try."""
    if not (local_addr or remote_addr):
        if family == 0:
            raise ValueError("unexpected address family")
        return [((family, proto), (None, None))]
    if family == socket.AF_UNIX:
        for addr in (local_addr, remote_addr):
            if addr is not None and not isinstance(addr, str):
                raise TypeError("string is expected")
        if local_addr:
            remove_stale_socket(local_addr)
        return [((family, proto), (local_addr, remote_addr))]
    found: dict[Any, list[Any]] = {}
    for index, addr in enumerate((local_addr, remote_addr)):
        if addr is None:
            continue
        if not (isinstance(addr, tuple) and len(addr) == 2):
            raise TypeError("2-tuple is expected")
        infos = await ensure_resolved(
            loop, addr, family=family, type=socket.SOCK_DGRAM, proto=proto, flags=flags
        )
        if not infos:
            raise OSError("getaddrinfo() returned empty list")
        for one_family, _, one_proto, _, address in infos:
            found.setdefault((one_family, one_proto), [None, None])[index] = address
    pairs = [
        (key, pair)
        for key, pair in found.items()
        if not ((local_addr and pair[0] is None) or (remote_addr and pair[1] is None))
    ]
    if not pairs:
        raise ValueError("can not get address information")
    return pairs


async def _open_datagram_socket(
    loop: Loop,
    family: int,
    proto: int,
    local: Any,
    remote: Any,
    reuse_port: bool | None,
    allow_broadcast: bool | None,
) -> Any:
    sock = socket.socket(family=family, type=socket.SOCK_DGRAM, proto=proto)
    try:
        if reuse_port:
            set_reuse_port(sock)
        if allow_broadcast:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.setblocking(False)
        if local:
            sock.bind(local)
        # A socket that is connected to a broadcast address would not receive the answers.
        if remote and not allow_broadcast:
            await loop.sock_connect(sock, remote)
    except BaseException:
        sock.close()
        raise
    return sock, remote


def _check_datagram_socket(sock: Any, **options: Any) -> None:
    if sock.type == socket.SOCK_STREAM:
        raise ValueError(f"A datagram socket was expected, got {sock!r}")
    if any(options.values()):
        problems = ", ".join(f"{name}={value}" for name, value in options.items() if value)
        raise ValueError(
            f"socket modifier keyword arguments can not be used when sock is specified. ({problems})"
        )
