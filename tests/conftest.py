"""Fixtures: a Ferrio loop, and a check that nothing is left open."""

import gc
import os
import signal
import threading
from collections.abc import Iterator

import ferrio
import pytest

# A shell ignores Ctrl-C for what it runs in the background, and children inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def loop() -> Iterator[ferrio.Loop]:
    """A loop that is closed afterwards."""
    loop = ferrio.new_event_loop()
    yield loop
    if not loop.is_closed():
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def descriptors() -> set[str]:
    """The open descriptors of this process, with what they are."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        try:
            found.add(f"{number} {os.readlink(f'/proc/self/fd/{number}')}")
        except FileNotFoundError:
            pass  # the one of the listing
    return found


@pytest.fixture(autouse=True)
def nothing_left_open() -> Iterator[None]:
    """No test may leave a descriptor or a thread behind."""
    before, threads = descriptors(), threading.active_count()
    yield
    gc.collect()
    left = descriptors() - before
    assert not left, f"left open: {left}"
    assert threading.active_count() <= threads, threading.enumerate()
