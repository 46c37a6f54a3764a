"""Datagram endpoints of the network in memory: UDP, where some may be lost or doubled, and Unix datagrams."""

from __future__ import annotations

import asyncio
import contextvars
import errno
import os
import socket
from typing import Any

from ferrio import versions
from ferrio.testing.addresses import ANY, ANY6, family_of, mapped, socket_name, unmapped
from ferrio.testing.hosts import Host
from ferrio.testing.memory_sockets import MemorySocket, port_number

__all__ = ("MemoryDatagramTransport", "open_endpoint")

# The most that one datagram takes, in bytes: the length that IP's header tells, less the headers.
_MOST_BYTES = {socket.AF_INET: 65507, socket.AF_INET6: 65527}

_BROADCAST = "255.255.255.255"


class MemoryDatagramTransport(asyncio.DatagramTransport):
    """A datagram endpoint on a host."""

    def __init__(self, network: Any, host: Host, sock: MemorySocket, peer: Any, may_broadcast: bool) -> None:
        extra = {"socket": sock, "sockname": sock.getsockname()}
        super().__init__(extra if peer is None else {**extra, "peername": peer})
        self._network, self._loop = network, network.loop
        self._host, self._sockname, self._peer = host, sock.getsockname(), peer
        self._may_broadcast = may_broadcast
        self._protocol: Any = None
        self._context: Any = None
        self._is_closing = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'closed' if self._is_closing else 'open'} {self._sockname}>"

    def connect(self, protocol: Any, waiter: Any) -> None:
        """Begin: tell the protocol, then whoever waits."""
        self._protocol = protocol
        self._context = contextvars.copy_context()
        self._soon(protocol.connection_made, self)
        self._soon(lambda: waiter.done() or waiter.set_result(None))

    def _soon(self, call: Any, *args: Any) -> None:
        self._loop.call_soon(call, *args, context=self._context)

    # Sending

    def sendto(self, data: Any, addr: Any = None) -> None:
        """Send a datagram; see asyncio.DatagramTransport.sendto()."""
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
        if not data and not versions.EMPTY_DATAGRAMS_ARE_SENT:
            return
        if self._peer is not None and addr not in {None, self._peer}:
            raise ValueError(f"Invalid address: must be None or {self._peer!r}")
        if self._is_closing:
            return
        try:
            self._send(bytes(data), self._peer if addr is None else addr)
        except OSError as error:
            self._soon(self._hear, error)

    def _send(self, data: bytes, address: Any) -> None:
        if address is None:
            raise OSError(errno.EDESTADDRREQ, os.strerror(errno.EDESTADDRREQ))
        network = self._network
        if not isinstance(self._sockname, tuple):
            if len(data) > _MOST_BYTES[socket.AF_INET]:
                raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
            if address not in self._host.endpoints:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            self._carry(self._host, address, data, self._sockname)
            return
        family = family_of(self._sockname[0])
        if len(data) > _MOST_BYTES[family]:
            raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
        if address[0] == _BROADCAST and family == socket.AF_INET:
            if not self._may_broadcast:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            for host in network.hosts:
                self._carry(host, (host.address, address[1]), data, self._own_address(host.address))
        else:
            with network.as_host(self._host):
                there, name = network.resolve(address[0], family)[0]
            name = unmapped(name)
            self._carry(there, (name, port_number(address[1])), data, self._own_address(name))

    def _own_address(self, other: str) -> Any:
        """Return the address and port that the other end sees."""
        name, port = self._sockname[:2]
        return (self._host.own_address(other) if name in {ANY, ANY6} else name, port)

    def _carry(self, there: Host, address: Any, data: bytes, sender: Any) -> None:
        network, here = self._network, self._host
        if network.is_cut(here, there):
            return
        for _ in range(2 if network.happens("duplication", here, there) else 1):
            if not network.happens("loss", here, there):
                delay = network.delay(here, there, len(data))
                # On nobody's account: it arrives though the sender has crashed.
                self._loop.call_later(
                    delay, self._arrive, there, address, data, sender, context=contextvars.Context()
                )

    def _arrive(self, there: Host, address: Any, data: bytes, sender: Any) -> None:
        is_unix = not isinstance(address, tuple)
        endpoint = there.endpoints.get(address) if is_unix else there.endpoint(*address)
        if endpoint is not None:
            endpoint.take(data, sender)
        elif not is_unix and there.answers and not self._network.is_cut(there, self._host):
            # ICMP's answer; only who has connected its socket hears of it.
            delay = self._network.delay(there, self._host)
            self._loop.call_later(delay, self._was_refused, context=self._context)

    def _was_refused(self) -> None:
        if self._peer is not None and not self._is_closing:
            self._hear(ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED)))

    # Receiving

    def take(self, data: bytes, sender: Any) -> None:
        """Give the protocol a datagram that has arrived."""
        if isinstance(sender, tuple):
            name, port = sender
            is_ipv6 = family_of(self._sockname[0]) == socket.AF_INET6
            sender = socket_name(mapped(name) if is_ipv6 else name, port)
        if self._peer is None or self._peer == sender:
            self._soon(self._receive, data, sender)

    def _receive(self, data: bytes, sender: Any) -> None:
        if not self._is_closing:
            self._protocol.datagram_received(data, sender)

    def _hear(self, error: OSError) -> None:
        if self._protocol is not None:
            self._protocol.error_received(error)

    # The rest of a transport

    def get_write_buffer_size(self) -> int:
        """Return 0: nothing waits to be sent."""
        return 0

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return asyncio's default limits."""
        return 16 * 1024, 64 * 1024

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Do nothing: nothing waits to be sent."""

    def set_protocol(self, protocol: Any) -> None:
        """Set the protocol."""
        self._protocol = protocol

    def get_protocol(self) -> Any:
        """Return the protocol."""
        return self._protocol

    def is_closing(self) -> bool:
        """Return whether the endpoint is closed."""
        return self._is_closing

    def close(self) -> None:
        """Close the endpoint."""
        if self._is_closing:
            return
        self._leave()
        self._soon(self._lose)

    def abort(self) -> None:
        """Close the endpoint."""
        self.close()

    def _lose(self) -> None:
        protocol, self._protocol = self._protocol, None
        if protocol is not None:
            protocol.connection_lost(None)

    def vanish(self) -> None:
        """The host has crashed: the protocol hears nothing of the end."""
        self._leave()
        self._protocol = None

    def _leave(self) -> None:
        self._is_closing = True
        endpoints = self._host.endpoints
        for address in [address for address, endpoint in endpoints.items() if endpoint is self]:
            del endpoints[address]


async def open_endpoint(
    loop: Any,
    protocol_factory: Any,
    local_addr: Any,
    remote_addr: Any,
    family: int,
    allow_broadcast: bool | None,
) -> Any:
    """Return (transport, protocol) of a datagram endpoint on the current host."""
    network = loop.network
    host = network.current_host()
    is_unix = family == socket.AF_UNIX
    if is_unix:
        for address in (local_addr, remote_addr):
            if address is not None and not isinstance(address, str):
                raise TypeError("string is expected")
        sock = MemorySocket(local_addr or "", remote_addr, socket.SOCK_DGRAM)
        peer = remote_addr
        if peer is not None and peer not in host.endpoints:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    else:
        if local_addr is None and remote_addr is None and family == 0:
            raise ValueError("unexpected address family")
        for given in (local_addr, remote_addr):
            if given is not None and not (isinstance(given, tuple) and len(given) == 2):
                raise TypeError("2-tuple is expected")
        address, peer = _addresses(network, host, local_addr, remote_addr, family)
        # Nobody has it until the transport is there.
        port = 0 if local_addr is None else port_number(local_addr[1])
        sock = host.bind(None, address, port, socket.SOCK_DGRAM)
    transport = MemoryDatagramTransport(network, host, sock, peer, bool(allow_broadcast))
    if not is_unix:
        host.endpoints[sock.getsockname()[:2]] = transport
    elif local_addr:
        host.endpoints[local_addr] = transport
    try:
        protocol = protocol_factory()
    except BaseException:
        transport.vanish()
        raise
    waiter = loop.create_future()
    transport.connect(protocol, waiter)
    try:
        await waiter
    except BaseException:
        transport.close()
        raise
    return transport, protocol


def _addresses(network: Any, host: Host, local: Any, remote: Any, family: int) -> tuple[str, Any]:
    """Return the own address and what sockets show of the other, of the first family that has both."""
    peers: list[Any] = [None]
    if remote is not None:
        port = port_number(remote[1])
        peers = [socket_name(address, port) for _, address in network.resolve(remote[0], family)]
    names = network.names.listening(None if local is None else local[0], host, family)
    for name in names:
        for peer in peers:
            if peer is None or family_of(peer[0]) == family_of(name):
                return name, peer
    raise ValueError("can not get address information")
