"""Network: hosts in memory, and the connections between them.

A loop that runs with network="memory" has one. create_server() and create_connection() go to it. What
needs a real socket raises LeavesSimulationError.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import errno
import ipaddress
import os
import random
import socket
from collections.abc import Coroutine, Iterator
from typing import Any

from ferrio.testing.transports import MemorySocket, MemoryTransport

__all__ = ("Host", "LeavesSimulationError", "Network", "network")

# Linux gives up connecting to a host that doesn't answer after about this many seconds.
_CONNECT_TIMEOUT = 127.0

_FIRST_EPHEMERAL_PORT = 49152

_LAST_PORT = 65535

_LOOPBACK = "127.0.0.1"
ANY = "0.0.0.0"


class LeavesSimulationError(RuntimeError):
    """A program asked for something that the network in memory does not have."""


def port_number(port: Any) -> int:
    """Return the number of a port, or of a service's name. gaierror and OverflowError as of getaddrinfo()."""
    if port is None:
        return 0
    if isinstance(port, str | bytes):
        text = port.decode() if isinstance(port, bytes) else port
        try:
            number = int(text) if text.isdecimal() else socket.getservbyname(text)
        except OSError:
            raise socket.gaierror(socket.EAI_SERVICE, "Servname not supported for ai_socktype") from None
    elif isinstance(port, int):
        number = int(port)
    else:
        raise OSError("Int or String expected")
    if not 0 <= number <= _LAST_PORT:
        raise OverflowError("port must be 0-65535.")
    return number


class Host:
    """A host of the network: a name, an address, and the ports on which it listens."""

    def __init__(self, network: Network, name: str, address: str) -> None:
        self.name: str = name
        self.address: str = address
        self._network = network
        # By address and port. The address is ANY, the loopback or the host's own.
        self.listeners: dict[tuple[str, int], Any] = {}
        self._last_port = _FIRST_EPHEMERAL_PORT - 1

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} {self.address}>"

    @contextlib.contextmanager
    def active(self) -> Iterator[Host]:
        """Have the code in this block, and the tasks that it starts, run on this host."""
        token = _current.set(self)
        try:
            yield self
        finally:
            _current.reset(token)

    def create_task(self, coroutine: Coroutine[Any, Any, Any], *, name: str | None = None) -> Any:
        """Return a task of the loop that runs on this host."""
        with self.active():
            return self._network.loop.create_task(coroutine, name=name)

    def new_port(self) -> int:
        """Return a port that nobody has."""
        self._last_port += 1
        return self._last_port

    def listener(self, address: str, port: int) -> Any:
        """Return the server that listens on an address and port, or None."""
        return self.listeners.get((address, port)) or self.listeners.get((ANY, port))


_current: contextvars.ContextVar[Host] = contextvars.ContextVar("host")


class Network:
    """Hosts and the way between them. Inside a host nothing takes time.

    latency: seconds that anything takes from host to host.
    jitter: at most so many seconds more, at random; what is sent on one connection keeps its order.
    """

    def __init__(self, loop: Any, seed: int) -> None:
        self.loop = loop
        self._random = random.Random(seed)
        self.latency: float = 0.001
        self.jitter: float = 0.0
        self._hosts: dict[str, Host] = {}
        self._partitions: set[frozenset[Host]] = set()
        # What waits for the end of a partition, in order.
        self._held_back: list[tuple[MemoryTransport, bytes | None]] = []
        # In the order in which they were made; the values mean nothing.
        self._transports: dict[MemoryTransport, None] = {}
        self._default = self.host("localhost")

    def host(self, name: str) -> Host:
        """Return the host of this name; a new one if there is none. TypeError for what is no name."""
        if not isinstance(name, str) or not name:
            raise TypeError(f"the name of a host is a str, got {name!r}")
        found = self._hosts.get(name)
        if found is None:
            address = str(ipaddress.IPv4Address("10.0.0.1") + len(self._hosts))
            found = self._hosts[name] = Host(self, name, address)
        return found

    def current_host(self) -> Host:
        """Return the host on which the running code is; "localhost" if it is on none."""
        found = _current.get(self._default)
        return found if found._network is self else self._default

    def partition(self, one: str, other: str) -> None:
        """Have nothing arrive between two hosts until heal(). Connections stand, and what is sent waits."""
        self._partitions.add(frozenset((self.host(one), self.host(other))))

    def heal(self, one: str, other: str) -> None:
        """End a partition. What was sent meanwhile is on its way now."""
        self._partitions.discard(frozenset((self.host(one), self.host(other))))
        held, self._held_back = self._held_back, []
        for transport, data in held:
            self.carry(transport, data)

    def reset(self, one: str, other: str | None = None) -> None:
        """Reset the connections of a host; with a second host, only those between the two."""
        first = self.host(one)
        second = None if other is None else self.host(other)
        for transport in list(self._transports):
            ends = {transport.host, transport.peer_host}
            if first in ends and (second is None or ends == {first, second}):
                transport.was_reset()

    def resolve(self, name: Any) -> tuple[Host, str]:
        """Return the host of a name or address as the current host sees it, and the address.

        gaierror if there is none.
        """
        here = self.current_host()
        text = name.decode("idna") if isinstance(name, bytes) else str(name)
        if text in {"localhost", "::1"} or text.startswith("127."):
            return here, _LOOPBACK
        for host in self._hosts.values():
            if text in {host.name, host.address}:
                return host, host.address
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    # Connections

    async def connect(self, name: Any, port: Any) -> MemoryTransport:
        """Return the transport of a new connection. OSError as of a real network."""
        here = self.current_host()
        there, address = self.resolve(name)
        port = port_number(port)
        if self._is_cut(here, there):
            await asyncio.sleep(_CONNECT_TIMEOUT)
            text = f"Connect call failed {(address, port)}"
            raise TimeoutError(errno.ETIMEDOUT, text)
        await self._pass(here, there)
        server = there.listener(address, port)
        if server is None or not server.is_serving():
            await self._pass(there, here)
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"Connect call failed {(address, port)}")
        own = (_LOOPBACK if address == _LOOPBACK else here.address, here.new_port())
        near = MemoryTransport(self, here, own, there, (address, port))
        far = MemoryTransport(self, there, (address, port), here, own, server)
        near.peer, far.peer = far, near
        self._transports[near] = self._transports[far] = None
        server.accept(far)
        try:
            await self._pass(there, here)
        except BaseException:
            near.abort()
            raise
        return near

    async def _pass(self, one: Host, other: Host) -> None:
        delay = self._delay(one, other)
        if delay:
            await asyncio.sleep(delay)

    def _delay(self, one: Host, other: Host) -> float:
        if one is other:
            return 0.0
        return self.latency + (self._random.uniform(0, self.jitter) if self.jitter else 0.0)

    def _is_cut(self, one: Host, other: Host) -> bool:
        return frozenset((one, other)) in self._partitions

    def carry(self, sender: MemoryTransport, data: bytes | None) -> None:
        """Have bytes arrive at the other end of a connection; None is the end of the stream."""
        if self._is_cut(sender.host, sender.peer_host):
            self._held_back.append((sender, data))
        elif sender.peer is not None:
            self._at_arrival(sender, sender.peer.arrive, data)

    def carry_reset(self, sender: MemoryTransport) -> None:
        """Have the other end of a connection hear that it is reset."""
        if sender.peer is not None and not self._is_cut(sender.host, sender.peer_host):
            self._at_arrival(sender, sender.peer.was_reset)

    def _at_arrival(self, sender: MemoryTransport, call: Any, *args: Any) -> None:
        now = self.loop.time()
        when = max(now + self._delay(sender.host, sender.peer_host), sender.last_arrival)
        sender.last_arrival = when
        # A schedule may run timers of one moment in any order. So each delivers what was sent first.
        sender.pipe.append((call, *args))
        context = call.__self__.context
        if when > now:
            self.loop.call_at(when, sender.deliver_first, context=context)
        else:
            self.loop.call_soon(sender.deliver_first, context=context)

    def end(self) -> None:
        """End all connections; nobody hears of it any more."""
        for transport in self._transports:
            transport.end()
        self._transports.clear()
        self._held_back.clear()

    def forget(self, transport: MemoryTransport) -> None:
        """A transport is lost."""
        self._transports.pop(transport, None)

    def listening_address(self, name: Any) -> str:
        """Return the address of a name that a server is to listen on."""
        return ANY if name in {None, "", ANY, "::"} else self.resolve(name)[1]

    def bind(self, server: Any, name: Any, port: int) -> MemorySocket:
        """Return the listening socket of a server on the current host.

        OSError if the address is taken or another host's.
        """
        here = self.current_host()
        address = self.listening_address(name)
        if address not in {ANY, _LOOPBACK, here.address}:
            text = f"error while attempting to bind on address {(address, port)}: "
            raise OSError(errno.EADDRNOTAVAIL, text + os.strerror(errno.EADDRNOTAVAIL).lower())
        port = port or here.new_port()
        taken = {taken for taken, number in here.listeners if number == port}
        if address in taken or ANY in taken or (taken and address == ANY):
            text = f"error while attempting to bind on address {(address, port)}: "
            raise OSError(errno.EADDRINUSE, text + os.strerror(errno.EADDRINUSE).lower())
        here.listeners[address, port] = server
        return MemorySocket((address, port))


def network() -> Network:
    """Return the network of the running loop. RuntimeError if none runs, or if it has none in memory."""
    found = getattr(asyncio.get_running_loop(), "network", None)
    if not isinstance(found, Network):
        raise RuntimeError('the running event loop has no network in memory; use run(..., network="memory")')
    return found
