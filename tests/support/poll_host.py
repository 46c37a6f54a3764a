"""The smallest main loop that a guest runs in: a poll of the guest's descriptor, and of others, in Python."""

from __future__ import annotations

import select
from collections.abc import Callable, Coroutine
from typing import Any

from ferrio.guest import Guest, HostedLoop


class PollHost:
    """A main loop that calls functions when their descriptors are readable, and serves a guest."""

    def __init__(self) -> None:
        self.callbacks: dict[int, Callable[[], object]] = {}
        self.poll = select.poll()
        # How often the poll has returned.
        self.wakeups = 0

    def watch(self, fd: int, callback: Callable[[], object]) -> None:
        self.poll.register(fd, select.POLLIN)
        self.callbacks[fd] = callback

    def forget(self, fd: int) -> None:
        self.poll.unregister(fd)
        del self.callbacks[fd]

    def once(self, seconds: float | None = None) -> None:
        """Wait for descriptors, and call what belongs to them."""
        ready = self.poll.poll(None if seconds is None else seconds * 1000)
        self.wakeups += 1
        for fd, _ in ready:
            callback = self.callbacks.get(fd)
            if callback is not None:
                callback()

    def run(self, guest: Guest) -> None:
        self.watch(guest.fileno(), guest.step)
        try:
            while not guest.stopped:
                self.once()
        finally:
            self.forget(guest.fileno())

    def run_until(self, condition: Callable[[], object]) -> None:
        """Run until a condition is true; it is asked after each event."""
        while not condition():
            self.once()


def new_event_loop() -> HostedLoop:
    """A loop of which every run is a run of such a host; for CPython's tests."""
    return HostedLoop(PollHost())


def run(host: PollHost, guest: Guest, main: Coroutine[Any, Any, Any]) -> Any:
    """Return the result of a main coroutine."""
    task = guest.start(main)
    assert task is not None
    host.run_until(task.done)
    return task.result()


def is_readable(guest: Guest) -> bool:
    """Whether the guest asks for a step."""
    return bool(select.select([guest.fileno()], [], [], 0)[0])


def settle(guest: Guest) -> None:
    """Step until nothing is left to do."""
    while is_readable(guest):
        guest.step()
