"""Watcher: a thread that watches a guest's descriptor, for hosts that can't."""

from __future__ import annotations

import logging
import os
import select
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ("Watcher",)

_logger = logging.getLogger(__name__)


class Watcher:
    """Calls a function, in a thread of its own, when a descriptor is readable; then waits until rearm()."""

    __slots__ = ("_armed", "_closing", "_descriptor", "_thread", "_wakeup")

    def __init__(self, descriptor: int, wakeup: Callable[[], object]) -> None:
        """Begin to watch a descriptor for reading. wakeup: what is called, without arguments."""
        self._descriptor = descriptor
        self._wakeup = wakeup
        self._armed = threading.Event()
        self._armed.set()
        # Readable when the thread is to end.
        self._closing = os.eventfd(0, os.EFD_CLOEXEC)
        self._thread = threading.Thread(target=self._run, name="ferrio-guest", daemon=True)
        self._thread.start()

    def rearm(self) -> None:
        """Have the function called again if the descriptor is readable."""
        self._armed.set()

    def close(self) -> None:
        """End the thread. A call that has begun is waited for."""
        os.eventfd_write(self._closing, 1)
        self._armed.set()
        self._thread.join()
        os.close(self._closing)

    def _run(self) -> None:
        poll = select.poll()
        for descriptor in (self._descriptor, self._closing):
            poll.register(descriptor, select.POLLIN)
        while True:
            self._armed.wait()
            if any(descriptor == self._closing for descriptor, _ in poll.poll()):
                return
            self._armed.clear()
            try:
                self._wakeup()
            except Exception:
                _logger.exception("a guest's wakeup has failed")
