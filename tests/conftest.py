"""Fixtures: a loop, and what is checked when any test ends.

No test may leave an open descriptor, a thread or, in a debug build of the extension, an object of Ferrio's behind; and no
exception may have reached a loop's default exception handler that the test did not expect.
"""

import gc
import logging
import os
import signal
import threading
import time
from collections.abc import Generator, Iterator
from typing import Any

import ferrio
import pytest
from ferrio.guest import Guest
from support.clock import PAUSE
from support.growth import descriptors, freeze
from support.live import live_instances
from support.poll_host import PollHost
from support.reports import Reports

# A shell ignores Ctrl-C for what it runs in the background, and children inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _encodable(data: Any) -> Any:
    if isinstance(data, str):
        return data.encode("utf-8", "backslashreplace").decode()
    if isinstance(data, dict):
        return {key: _encodable(value) for key, value in data.items()}
    if type(data) in {list, tuple}:
        return type(data)(_encodable(value) for value in data)
    return data


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One worker more than there are processors: a test waits for a part of its time."""
    return len(os.sched_getaffinity(0)) + 1


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Make what a worker of pytest-xdist reports encodable. Names in tests, and so in logs, have lone surrogates."""
    return _encodable((yield))


@pytest.fixture
def loop() -> Iterator[ferrio.Loop]:
    """A loop that is closed afterwards."""
    loop = ferrio.new_event_loop()
    yield loop
    if not loop.is_closed():
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


@pytest.fixture(autouse=True)
def reports() -> Iterator[Reports]:
    """What reached a loop's default exception handler. A test that expects something takes it: `reports.take()`."""
    reports = Reports()
    logger = logging.getLogger("asyncio")
    logger.addHandler(reports)
    yield reports
    logger.removeHandler(reports)
    unexpected = reports.take()
    assert not unexpected, f"nobody expected that the loop reports: {unexpected}"


# Seconds that a thread may take to end once it has done its work.
PATIENCE = 2


@pytest.fixture(autouse=True)
def nothing_left(
    request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture, reports: Reports
) -> Iterator[None]:
    """No test may leave a descriptor, a thread or an object of Ferrio's behind.

    It takes `reports` because that has to hear what this collection of garbage brings to light.
    """
    freeze()
    failures = request.session.testsfailed
    before, threads, live = descriptors(), set(threading.enumerate()), live_instances()

    def left() -> list[Any]:
        gc.collect()
        return [
            *(descriptors() - before),
            *(set(threading.enumerate()) - threads),
            *(live_instances() - live).items(),
        ]

    yield
    # pytest keeps the test's arguments, a loop among them, and what was logged until every fixture has ended.
    request.node.funcargs.clear()
    caplog.get_records("call").clear()
    found = left()
    # The traceback of a test that failed holds its objects.
    if request.session.testsfailed == failures:
        deadline = time.monotonic() + PATIENCE
        while found and time.monotonic() < deadline:
            time.sleep(PAUSE)
            found = left()
        assert not found, f"left behind: {found}"


@pytest.fixture
def host() -> PollHost:
    """A main loop for a guest."""
    return PollHost()


@pytest.fixture
def guest(loop: ferrio.Loop, host: PollHost) -> Iterator[Guest]:
    """A guest of that main loop, which is not started. It is closed afterwards."""
    guest = Guest(loop)
    host.watch(guest.fileno(), guest.step)
    yield guest
    guest.close()
