"""Host: a host of the network in memory, and its lives: what runs on it, until it crashes.

What runs on a host has the host's life in its context. While a host is paused, or once one has crashed, the
loop asks a gate before it runs anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import errno
import math
import os
import socket
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from ferrio.testing.addresses import ANY, ANY6, LOOPBACK, LOOPBACK6, family_of, socket_name
from ferrio.testing.links import Conditions
from ferrio.testing.memory_sockets import MemorySocket

__all__ = ("Host", "current_life")

_FIRST_EPHEMERAL_PORT = 49152
_LAST_PORT = 65535

_FEW_TASKS = 16


class Life:
    """The life of a host from its start to its crash."""

    __slots__ = ("holds", "host", "is_over", "is_paused")

    def __init__(self, host: Host) -> None:
        self.host = host
        # What ends its holds of the clock.
        self.holds: list[Callable[[], None]] = []
        self.is_over = self.is_paused = False


_current: contextvars.ContextVar[Life] = contextvars.ContextVar("host")


def current_life() -> Life | None:
    """Return the life of the host on which the running code is, or None if it is on none."""
    return _current.get(None)


def is_over(context: Any) -> bool:
    """Return whether a context is of a host's life that is over."""
    life = None if context is None else context.get(_current)
    return life is not None and life.is_over


def gate(entry: Any) -> bool | None:
    """Return whether the loop runs an entry: True, False to drop it, None to set it aside."""
    context = entry._context
    life = None if context is None else context.get(_current)
    if life is None:
        return True
    if life.is_over:
        return False
    return None if life.is_paused else True


def see_outcome(task: Any) -> None:
    """Note that somebody has seen what a task waited for: its next step would have, and there is none."""
    waiter: Any = getattr(task, "_fut_waiter", None)
    if waiter is not None and waiter.done() and not waiter.cancelled():
        waiter.exception()


def _bind_error(number: int, address: str, port: int) -> OSError:
    name = socket_name(address, port)
    text = f"error while attempting to bind on address {name}: {os.strerror(number).lower()}"
    return OSError(number, text)


class Host:
    """A host of the network: a name, addresses, the ports on which it listens, and what runs on it."""

    def __init__(self, network: Any, name: str, address: str, address6: str) -> None:
        self.name: str = name
        # Of IPv4 and of IPv6.
        self.address: str = address
        self.address6: str = address6
        self._network = network
        self._life: Life | None = Life(self)
        self._program: Callable[[], Coroutine[Any, Any, Any]] | None = None
        # Whether connections to it are refused or, after a power cut, are not answered.
        self.answers = True
        # Servers by address and port, or by path. The address is that of any, the loopback or the host's own.
        self.listeners: dict[Any, Any] = {}
        # Datagram endpoints, in the same way.
        self.endpoints: dict[Any, Any] = {}
        # Its tasks; those that are done go when there are as many as this.
        self._tasks: list[Any] = []
        self._most_tasks = _FEW_TASKS
        self._clock_skew = 0.0
        self._reading_rate: float | None = None
        self._last_port = _FIRST_EPHEMERAL_PORT - 1

    def __repr__(self) -> str:
        state = "crashed" if self._life is None else "paused" if self._life.is_paused else ""
        return f"<{type(self).__name__} {self.name} {self.address}{' ' if state else ''}{state}>"

    # What runs on it

    @contextlib.contextmanager
    def active(self) -> Iterator[Host]:
        """Have the code in this block, and the tasks that it starts, run on this host.

        RuntimeError if the host has crashed.
        """
        token = _current.set(self.life())
        try:
            yield self
        finally:
            _current.reset(token)

    def life(self) -> Life:
        """Return the life of the host. RuntimeError if it has crashed."""
        if self._life is None:
            raise RuntimeError(f"the host {self.name!r} has crashed; restart() starts it")
        return self._life

    def create_task(self, coroutine: Coroutine[Any, Any, Any], *, name: str | None = None) -> Any:
        """Return a task of the loop that runs on this host."""
        try:
            with self.active():
                return self._kept(self._network.loop.create_task(coroutine, name=name))
        except RuntimeError:
            coroutine.close()
            raise

    def start(self, program: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Run a program on this host, now and after each restart(). Return its task.

        program: a function without arguments that returns a new coroutine, such as an async def.
        """
        if not callable(program):
            if asyncio.iscoroutine(program):
                program.close()
            raise TypeError(f"a function that returns a coroutine is expected, got {program!r}")
        self._program = program
        return self._run_program()

    def _run_program(self) -> Any:
        if self._program is None:
            return None
        with self.active():
            task = self._network.loop.create_task(self._program(), name=f"program of {self.name}")
        return self._kept(task)

    def _kept(self, task: Any) -> Any:
        """Keep a task, because the loop doesn't: a task that waits for a stream alone would be garbage."""
        if len(self._tasks) >= self._most_tasks:
            self._tasks = [task for task in self._tasks if not task.done()]
            self._most_tasks = max(_FEW_TASKS, 2 * len(self._tasks))
        self._tasks.append(task)
        return task

    # What happens to it

    @property
    def is_up(self) -> bool:
        """Whether the host has not crashed."""
        return self._life is not None

    def crash(self, *, silently: bool = False) -> None:
        """Stop all that runs on the host, for good: no `finally` and no `except` of it runs in this run.

        Its tasks count as cancelled, its servers are gone, and the other ends of its connections are reset.
        silently: as when the power fails. The other ends hear nothing. What they send is answered by a reset
        after restart(), and before it not at all.

        A host that crashes itself ends the step that runs first. ValueError for "localhost", the test's host.
        """
        self._refuse_own("crash")
        life = self._life
        if life is None:
            self.answers = self.answers and not silently
            return
        if current_life() is life:
            # Not in the context of what is to end.
            self._network.loop.call_soon(self._end, life, silently, context=contextvars.Context())
        else:
            self._end(life, silently)

    def _end(self, life: Life, silently: bool) -> None:
        if life.is_over:
            return
        life.is_over = True
        self._life = None
        self.answers = not silently
        for release in life.holds:
            release()
        # The tasks first: nothing of them may hear how the rest ends.
        self._network.bury(life)
        self._network.disconnect(self, silently)
        self.listeners = {path: None for path in self.listeners if isinstance(path, str)}
        self.endpoints = {}
        self._tasks.clear()

    def forget(self) -> None:
        """The network is gone."""
        self._tasks.clear()

    def restart(self) -> Any:
        """Start the host again, with its program, after a crash() if it is up. Return the program's task."""
        self.crash()
        if current_life() is not None and current_life() is self._life:
            raise RuntimeError("a host cannot restart itself")
        self._life = Life(self)
        self.answers = True
        self._network.send_held_back()
        return self._run_program()

    def pause(self) -> None:
        """Have nothing on the host run until resume(). Time goes on; what becomes due waits."""
        self._refuse_own("pause")
        self.life().is_paused = True
        self._network.guard()

    def resume(self) -> None:
        """End a pause. What became due meanwhile runs now, in its order."""
        life = self.life()
        if life.is_paused:
            life.is_paused = False
            self._network.loop._put_back()

    def _refuse_own(self, name: str) -> None:
        if self._network.is_default(self):
            raise ValueError(f"{name}() is for hosts other than the test's own")

    # Its clock, and its speed

    @property
    def clock_skew(self) -> float:
        """So many seconds the host's time.time() is ahead of the other hosts'; negative if it is behind."""
        return self._clock_skew

    @clock_skew.setter
    def clock_skew(self, seconds: float) -> None:
        if isinstance(seconds, str | bytes) or not math.isfinite(float(seconds)):
            raise ValueError(f"a clock skew is a finite number of seconds, got {seconds!r}")
        self._clock_skew = float(seconds)

    @property
    def reading_rate(self) -> float | None:
        """So many bytes a second the host reads from each connection; None for no limit."""
        return self._reading_rate

    @reading_rate.setter
    def reading_rate(self, rate: float | None) -> None:
        probe = Conditions()
        probe.bandwidth = rate
        self._reading_rate = probe.bandwidth

    # Its ports

    def new_port(self) -> int:
        """Return the next port for who does not care which."""
        if self._last_port == _LAST_PORT:
            self._last_port = _FIRST_EPHEMERAL_PORT - 1
        self._last_port += 1
        return self._last_port

    def bind(self, owner: Any, address: str, port: int, kind: int = socket.SOCK_STREAM) -> MemorySocket:
        """Return the socket of a server or of a datagram endpoint; a port of 0 is any that is free.

        OSError if the address is taken or another host's.
        """
        if address not in {ANY, LOOPBACK, self.address, ANY6, LOOPBACK6, self.address6}:
            raise _bind_error(errno.EADDRNOTAVAIL, address, port)
        table = self.listeners if kind == socket.SOCK_STREAM else self.endpoints
        taken = {key for key in table if isinstance(key, tuple)}
        if not port:
            port = self.new_port()
            while port in {number for _, number in taken}:
                port = self.new_port()
        # asyncio's servers on IPv6 serve IPv6 alone. Its datagram endpoints on all addresses serve IPv4 too.
        are_apart = kind == socket.SOCK_STREAM
        if any(_are_one(address, key[0], are_apart) for key in taken if key[1] == port):
            raise _bind_error(errno.EADDRINUSE, address, port)
        table[address, port] = owner
        return MemorySocket(socket_name(address, port), kind=kind)

    def own_address(self, other: str) -> str:
        """Return the address from which the host speaks with an address."""
        if other in {LOOPBACK, LOOPBACK6}:
            return other
        return self.address6 if family_of(other) == socket.AF_INET6 else self.address

    def listener(self, address: str, port: int) -> Any:
        """Return the server that listens on an address and port, or None."""
        anywhere = ANY6 if family_of(address) == socket.AF_INET6 else ANY
        return self.listeners.get((address, port)) or self.listeners.get((anywhere, port))

    def endpoint(self, address: str, port: int) -> Any:
        """Return the datagram endpoint with an address and port, or None."""
        get = self.endpoints.get
        is_ipv4 = family_of(address) == socket.AF_INET
        return get((address, port)) or (is_ipv4 and get((ANY, port))) or get((ANY6, port))


def _are_one(one: str, other: str, are_apart: bool) -> bool:
    """Return whether two addresses on one port are in each other's way. are_apart: families never are."""
    if family_of(one) != family_of(other):
        return not are_apart and ANY6 in {one, other}
    return one == other or bool({one, other} & {ANY, ANY6})
