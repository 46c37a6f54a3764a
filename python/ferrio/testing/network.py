"""Network: hosts in memory, and how data gets from one to another.

A loop that runs with network="memory" has one. create_server(), create_connection() and their like go to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import errno
import itertools
import os
import random
from collections.abc import Iterable, Iterator
from typing import Any

from ferrio.testing.addresses import Names, mapped, socket_name, unmapped
from ferrio.testing.hosts import Host, Life, _current, current_life, gate, see_outcome
from ferrio.testing.links import Conditions, Link, Ways
from ferrio.testing.memory_sockets import port_number
from ferrio.testing.outside import LeavesSimulationError
from ferrio.testing.transports import MemoryTransport

__all__ = ("Host", "LeavesSimulationError", "Network", "network")

# Linux gives up connecting to a host that doesn't answer after about this many seconds.
_CONNECT_TIMEOUT = 127.0

# Linux gives up sending to a host that doesn't answer after about this many seconds.
_SEND_TIMEOUT = 924.0

_Names = str | Iterable[str]


class Network(Conditions):
    """Hosts and the way between them. Inside a host nothing takes time, and nothing is lost.

    latency: seconds that anything takes from host to host.
    jitter: at most so many seconds more, at random; one connection keeps its order, datagrams don't.
    loss, duplication: the share of datagrams, from 0 to 1, that is lost or arrives twice.
    bandwidth: bytes a second in each direction of the way between two hosts, or None for no limit.
    """

    def __init__(self, loop: Any, seed: int) -> None:
        self.loop = loop
        self.random = random.Random(seed)
        self.latency = 0.001
        self.jitter = self.loss = self.duplication = 0.0
        self.bandwidth = None
        self._ways = Ways()
        self.names = Names()
        # Pairs of hosts; nothing gets from the first to the second.
        self._cuts: set[tuple[Host, Host]] = set()
        # What waits for the end of a partition or for the restart of a host, in order.
        self._held_back: list[tuple[MemoryTransport, bytes | None]] = []
        # In the order in which they were made; the values mean nothing.
        self.transports: dict[MemoryTransport, None] = {}
        # Coroutines of hosts that have crashed; they are closed when the run is over.
        self._buried: list[Any] = []
        self._has_foreign_tasks = False
        self._default = self.host("localhost")

    # Hosts

    def host(self, name: str) -> Host:
        """Return the host of this name; a new one if there is none. TypeError for what is no name."""
        if not isinstance(name, str) or not name:
            raise TypeError(f"the name of a host is a str, got {name!r}")
        found: Host | None = self.names.get(name)
        if found is None:
            found = Host(self, name, *self.names.next_addresses())
            self.names.add(found)
        return found

    @property
    def hosts(self) -> tuple[Host, ...]:
        """The hosts, in the order in which they were first named."""
        return tuple(self.names.hosts.values())

    def current_host(self) -> Host:
        """Return the host on which the running code is; "localhost" if it is on none."""
        life = current_life()
        return self._default if life is None or life.host._network is not self else life.host

    @contextlib.contextmanager
    def as_host(self, host: Host) -> Iterator[None]:
        """Look at names as a host does, whether it has crashed or not."""
        token = _current.set(Life(host))
        try:
            yield
        finally:
            _current.reset(token)

    def is_default(self, host: Host) -> bool:
        """Return whether a host is the one on which the test runs."""
        return host is self._default

    def guard(self) -> None:
        """Have the loop ask before it runs anything: a host is paused, or one has crashed."""
        self.loop._set_gate(gate)

    def bury(self, life: Life) -> None:
        """End what runs in a life that is over."""
        self.guard()
        for task in asyncio.all_tasks(self.loop):
            of_task: Any = task
            context = getattr(task, "_context", None)
            if context is None and hasattr(of_task, "get_context"):
                context = of_task.get_context()
            if context is None:
                # asyncio's own tasks do not show it on 3.11. They end with the run.
                self._has_foreign_tasks = True
            if context is None or context.get(_current) is not life:
                continue
            see_outcome(of_task)
            if hasattr(of_task, "_abandon"):
                self._buried.append(of_task._abandon())
            else:
                of_task._log_destroy_pending = False
                asyncio._unregister_task(task)
                self._buried.append(task)

    def wake(self) -> None:
        """Resume all hosts that are paused: the run ends, and everything is to end with it."""
        for host in self.names.hosts.values():
            if host.is_up:
                host.resume()
        if self._has_foreign_tasks:
            self.loop._set_gate(None)

    # Faults

    def link(self, one: str, other: str, *, one_way: bool = False) -> Link:
        """Return the conditions between two hosts: in both directions, or from the first to the second."""
        here, there = self.host(one), self.host(other)
        there_and_back = [(here, there)] if one_way else [(here, there), (there, here)]
        return Link(*(self._ways.way(*pair) for pair in there_and_back))

    def partition(self, one: _Names, other: _Names, *, one_way: bool = False) -> None:
        """Have nothing arrive between two hosts, or two groups of hosts, until heal().

        Connections stand. What is sent on them waits, and fails after 924 seconds, as on Linux. Datagrams are
        lost.
        one_way: only what the first send to the second.
        """
        for here, there in self._pairs(one, other, one_way):
            if here is not there:
                self._cuts.add((here, there))

    def heal(self, one: _Names | None = None, other: _Names | None = None) -> None:
        """End a partition, or without names all of them. What was sent on connections is on its way now."""
        if one is None and other is None:
            self._cuts.clear()
        elif one is None or other is None:
            raise TypeError("heal() takes two names, or two groups of names, or nothing")
        else:
            self._cuts.difference_update(self._pairs(one, other, False))
        self.send_held_back()

    def _pairs(self, one: _Names, other: _Names, one_way: bool) -> list[tuple[Host, Host]]:
        def hosts(names: _Names) -> list[Host]:
            return [self.host(name) for name in ([names] if isinstance(names, str) else names)]

        pairs = list(itertools.product(hosts(one), hosts(other)))
        return pairs if one_way else pairs + [(there, here) for here, there in pairs]

    def reset(self, one: str, other: str | None = None) -> None:
        """Reset the connections of a host; with a second host, only those between the two."""
        for transport in self._between(one, other):
            transport.was_reset()

    def half_open(self, one: str, other: str) -> None:
        """Have the first host lose its connections with the second, which does not hear of it.

        On the first, they end with a TimeoutError. The second may wait for ever; when it sends, it is reset.
        """
        here, there = self.host(one), self.host(other)
        for transport in list(self.transports):
            if transport.host is here and transport.peer_host is there:
                transport.was_cut_off()

    def _between(self, one: str, other: str | None) -> list[MemoryTransport]:
        first = self.host(one)
        second = None if other is None else self.host(other)
        return [
            transport
            for transport in self.transports
            if first in (ends := {transport.host, transport.peer_host})
            and (second is None or ends == {first, second})
        ]

    def disconnect(self, host: Host, silently: bool) -> None:
        """End the connections of a host that has crashed. Nothing on the host hears of it."""
        for transport in list(self.transports):
            if transport.host is not host:
                continue
            peer = transport.peer
            if peer is not None and silently:
                # What is on its way is not acknowledged: it is sent again.
                self._held_back += [
                    (peer, arguments[0]) for _, *arguments in peer.take_pipe() if len(arguments) == 1
                ]
            transport.vanish()
            if peer is not None and not silently:
                self.carry_reset(transport)
        for endpoint in set(host.endpoints.values()):
            endpoint.vanish()

    # Names

    @property
    def dual_stack(self) -> bool:
        """Whether a name has an IPv6 address and an IPv4 address, in this order, for who asks for no family.

        It is False at first: a name has its IPv4 address then.
        """
        return self.names.is_dual

    @dual_stack.setter
    def dual_stack(self, is_dual: bool) -> None:
        self.names.is_dual = bool(is_dual)

    def resolve(self, name: Any, family: int = 0) -> list[tuple[Host, str]]:
        """Return hosts and addresses for a name or address as the current host sees it; the best is first.

        gaierror if there is none.
        """
        return self.names.resolve(name, self.current_host(), family)

    # Connections

    async def connect(self, name: Any, port: Any, family: int = 0) -> list[OSError] | MemoryTransport:
        """Return the transport of a new connection, or the errors of all addresses that were tried."""
        errors: list[OSError] = []
        port = port_number(port)
        for there, address in self.resolve(name, family):
            try:
                return await self._connect(there, address, port)
            except OSError as error:
                errors.append(error)
        return errors

    async def _connect(self, there: Host, address: str, port: int) -> MemoryTransport:
        here = self.current_host()
        text = f"Connect call failed {socket_name(address, port)}"
        if self.is_cut(here, there) or self.is_cut(there, here) or not there.answers:
            await asyncio.sleep(_CONNECT_TIMEOUT)
            raise TimeoutError(errno.ETIMEDOUT, text)
        await self._pass(here, there)
        server = there.listener(unmapped(address), port)
        if server is None or not server.is_serving():
            await self._pass(there, here)
            raise ConnectionRefusedError(errno.ECONNREFUSED, text)
        own = here.own_address(unmapped(address))
        number = here.new_port()
        # Who connects to a mapped address sees mapped addresses.
        shown = own if unmapped(address) == address else mapped(own)
        near = socket_name(shown, number), socket_name(address, port)
        far = socket_name(unmapped(address), port), socket_name(own, number)
        return await self._join(here, near, there, far, server)

    async def connect_unix(self, path: Any) -> MemoryTransport:
        """Return the transport of a new connection to a Unix socket of the current host, or raise OSError."""
        here = self.current_host()
        if path not in here.listeners:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        server = here.listeners[path]
        if server is None or not server.is_serving():
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        return await self._join(here, ("", path), here, (path, ""), server)

    async def _join(
        self, here: Host, here_shown: Any, there: Host, there_shown: Any, server: Any
    ) -> MemoryTransport:
        """Connect two hosts. Each end shows its own address and the other's."""
        near = MemoryTransport(self, here, here_shown[0], there, here_shown[1])
        far = MemoryTransport(self, there, there_shown[0], here, there_shown[1], server)
        near.peer, far.peer = far, near
        self.transports[near] = self.transports[far] = None
        server.accept(far)
        try:
            await self._pass(there, here)
        except BaseException:
            near.abort()
            raise
        return near

    async def _pass(self, one: Host, other: Host) -> None:
        delay = self.delay(one, other)
        if delay:
            await asyncio.sleep(delay)

    def delay(self, one: Host, other: Host, size: int = 0) -> float:
        """Return how many seconds so many bytes take from a host to another, if they are sent now."""
        if one is other:
            return 0.0
        if self._ways.are_all_alike and not self.jitter and self.bandwidth is None:
            return self.latency  # type: ignore[no-any-return]
        jitter = self._ways.value("jitter", self, one, other)
        delay: float = self._ways.value("latency", self, one, other)
        if jitter:
            delay += self.random.uniform(0, jitter)
        bandwidth = self._ways.value("bandwidth", self, one, other)
        if bandwidth and size:
            way, now = self._ways.way(one, other), self.loop.time()
            way.is_free_at = max(now, way.is_free_at) + size / bandwidth
            delay += way.is_free_at - now
        return delay

    def happens(self, name: str, one: Host, other: Host) -> bool:
        """Return whether a datagram is lost, or duplicated."""
        share = 0 if one is other else self._ways.value(name, self, one, other)
        return bool(share) and self.random.random() < share

    def is_cut(self, one: Host, other: Host) -> bool:
        """Return whether nothing gets from a host to another."""
        return (one, other) in self._cuts

    def carry(self, sender: MemoryTransport, data: bytes | None) -> None:
        """Have bytes arrive at the other end of a connection; None is the end of the stream."""
        peer = sender.peer
        if peer is None:
            return
        if self.is_cut(sender.host, sender.peer_host) or not sender.peer_host.answers:
            self._held_back.append((sender, data))
            if sender.patience is None and data is not None:
                sender.patience = self.loop.call_later(
                    _SEND_TIMEOUT, sender.timed_out, context=sender.context or contextvars.Context()
                )
        elif peer.is_gone:
            # The host has forgotten the connection, and says so.
            delay = self.delay(sender.host, sender.peer_host) + self.delay(sender.peer_host, sender.host)
            self.loop.call_later(delay, sender.was_reset, context=sender.context)
        else:
            self._at_arrival(sender, peer.arrive, data, size=len(data or b""))

    def send_held_back(self) -> None:
        """Send what was held back, as far as nothing holds it back any more."""
        held, self._held_back = self._held_back, []
        for sender in {sender: None for sender, _ in held}:
            sender.stop_patience()
        for sender, data in held:
            if not sender.is_gone:
                self.carry(sender, data)

    def carry_reset(self, sender: MemoryTransport) -> None:
        """Have the other end of a connection hear that it is reset."""
        if sender.peer is not None and not self.is_cut(sender.host, sender.peer_host):
            self._at_arrival(sender, sender.peer.was_reset)

    def carry_credit(self, reader: MemoryTransport) -> None:
        """Have the other end of a connection hear that it may send more."""
        if reader.peer is not None:
            delay = self.delay(reader.host, reader.peer_host)
            self.loop.call_later(delay, reader.peer.send, context=reader.peer.context)

    def _at_arrival(self, sender: MemoryTransport, call: Any, *args: Any, size: int = 0) -> None:
        now = self.loop.time()
        when = max(now + self.delay(sender.host, sender.peer_host, size), sender.last_arrival)
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
        for transport in self.transports:
            transport.end()
        self.transports.clear()
        self._held_back.clear()
        for host in self.names.hosts.values():
            host.forget()
        buried, self._buried = self._buried, []
        for coroutine in buried:
            # What a host has not finished ends here. It does not matter how.
            with contextlib.suppress(BaseException):
                coroutine.close()

    def forget(self, transport: MemoryTransport) -> None:
        """A transport is lost."""
        self.transports.pop(transport, None)

    def open_ends(self) -> Iterator[Any]:
        """Return the ends of connections, and the datagram endpoints, of hosts that are up."""
        yield from self.transports
        for host in self.names.hosts.values():
            yield from dict.fromkeys(host.endpoints.values())


def network() -> Network:
    """Return the network of the running loop. RuntimeError if none runs, or if it has none in memory."""
    found = getattr(asyncio.get_running_loop(), "network", None)
    if not isinstance(found, Network):
        raise RuntimeError('the running event loop has no network in memory; use run(..., network="memory")')
    return found
