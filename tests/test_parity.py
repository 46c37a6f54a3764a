"""Each script in parity/ prints the same on asyncio and on Ferrio, warnings included.

All of them run in new interpreters, and, for `make check`, in forks of interpreters that have imported asyncio.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.fork_server import ForkServer
from support.processes import ENVIRONMENT

HERE = Path(__file__).parent
SCRIPTS = sorted((HERE / "parity").glob("*.py"))

# Seconds for one script.
TIMEOUT = 60

# How often a script that differed is run again: without others beside it, and with them.
AGAIN = 5

# What these scripts show was mended in asyncio within 3.11: 3.11.2 hangs, fails or warns there, 3.11.7 does not.
OF_LATER_3_11 = {
    "pipe_flow_control",
    "stream_server_callbacks",
    "stream_writer_left_open",
    "subprocess_redirections",
    "timeout_rescheduling",
}

# These print the class of a transport, which 3.11 shows in another way: its name, and what a datagram transport is.
OF_3_12 = {"connection_made_that_raises", "methods_of_transports"}

# Scripts that wait for time and for nothing outside of the loop. They print the same under a virtual clock. Left out:
# exit_in_a_task, whose tracebacks show the function that runs it, and sleep_values, which prints whether at least 0.01
# seconds have passed: on a clock that runs exactly, the difference of two floats is a little less.
OF_TIME = [
    "as_completed_async",
    "as_completed_plain",
    "asyncgens_are_closed",
    "barrier_phases",
    "condition_cancellation",
    "condition_notifications",
    "event_wakeups",
    "gather_cancelled",
    "lock_cancelled_waiters",
    "queue_cancelled_waiters",
    "queue_producers_and_consumers",
    "semaphore_cancelled_waiters",
    "shield_and_cancel",
    "stream_readuntil",
    "task_group_cancelled",
    "timeout_and_cancellation",
    "timeout_nesting",
    "timeout_rescheduling",
    "timeouts",
    "timer_cancellation",
    "times_of_timers",
    "uncancel_and_cancelling",
    "wait_conditions",
    "wait_for_timeouts",
    "wait_variants",
]

# An exit status, and what was printed.
Run = tuple[int, str, str]


PYTHON = [sys.executable, "-W", "always", "-W", "ignore::DeprecationWarning"]


def run(*command: str) -> Run:
    """Run a script; return its exit status and what it printed, without what always differs."""
    done = subprocess.run(
        [*PYTHON, *command],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        env=ENVIRONMENT,
        check=False,
    )
    return done.returncode, clean(done.stdout), clean(done.stderr)


# A frame of a traceback in a library, its line of code and the marks below that.
LIBRARY_FRAME = re.compile(r'  File "[^"]*/(?:asyncio|ferrio|concurrent/futures)/[^\n]*\n(?:    [^\n]*\n)*')


def clean(text: str) -> str:
    """Take memory addresses, and what is inside of asyncio and Ferrio, out of a text."""
    text = LIBRARY_FRAME.sub("", text)
    text = text.replace("Traceback (most recent call last):\n", "")
    text = re.sub(r"0x[0-9a-f]+", "ADDRESS", text)
    text = re.sub(r"[^\s:]*/(asyncio|ferrio)/\w+\.py:\d+", "LIBRARY", text)
    return re.sub(r"/[\w./-]+/tests/?", "", text)


# Runs a script in one way.
Way = Callable[[Path], Run]

# A script on asyncio, on Ferrio, and with all of asyncio's names giving Ferrio's.
NEW: list[Way] = [
    lambda script: run(str(HERE / "support/on_asyncio.py"), str(script)),
    lambda script: run(str(script)),
    lambda script: run("-m", "ferrio", str(script)),
]


@pytest.fixture(scope="module")
def forks() -> Iterator[list[Way]]:
    """The same in forks."""
    ways = [(PYTHON, "asyncio"), (PYTHON, "ferrio"), ([*PYTHON, "-m", "ferrio"], "ferrio")]
    servers = [ForkServer(command, way, env=ENVIRONMENT) for command, way in ways]
    for server in servers:
        server.start()

    def way(server: ForkServer) -> Way:
        def forked(script: Path) -> Run:
            with tempfile.TemporaryDirectory() as folder:
                stdout, stderr = Path(folder) / "stdout", Path(folder) / "stderr"
                status = server.run(str(script), str(stdout), str(stderr), TIMEOUT)
                return status, clean(stdout.read_text()), clean(stderr.read_text())

        return forked

    yield [way(server) for server in servers]
    for server in servers:
        server.close()


def run_together(ways: list[Way], script: Path) -> list[Run]:
    """Run a script in each way, at the same time."""
    with ThreadPoolExecutor() as threads:
        return list(threads.map(lambda way: way(script), ways))


def check(on_asyncio: Run, on_ferrio: Run, installed: Run) -> None:
    """Fail with what differs."""
    assert on_asyncio[0] == 0, on_asyncio[2]
    assert on_ferrio == on_asyncio
    assert installed == on_asyncio


def same(on_asyncio: Run, on_ferrio: Run, installed: Run) -> bool:
    return on_asyncio[0] == 0 and on_asyncio == on_ferrio == installed


def is_same_as_asyncio(ways: list[Way], script: Path) -> None:
    if script.stem in OF_LATER_3_11 and sys.version_info < (3, 11, 7):
        pytest.skip("this interpreter's asyncio is too old for it")
    if script.stem in OF_3_12 and sys.version_info < (3, 12):
        pytest.skip("asyncio's classes of transports have other names and bases on 3.11")
    if same(*run_together(ways, script)):
        return
    # The three share the machine's ports and processors, of which one run in many may take notice. Alone they have to
    # be the same every time, and together most times: a difference that only load brings out is one too.
    for _ in range(AGAIN):
        check(*(way(script) for way in ways))
    differing = [runs for runs in (run_together(ways, script) for _ in range(AGAIN)) if not same(*runs)]
    if len(differing) > AGAIN / 2:
        check(*differing[0])


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_same_as_asyncio_in_forks(script: Path, forks: list[Way]) -> None:
    is_same_as_asyncio(forks, script)


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_same_as_asyncio(script: Path) -> None:
    is_same_as_asyncio(NEW, script)


@pytest.mark.parametrize("name", OF_TIME)
def test_same_under_a_virtual_clock(name: str, forks: list[Way]) -> None:
    if name in OF_LATER_3_11 and sys.version_info < (3, 11, 7):
        pytest.skip("this interpreter's asyncio is too old for it")
    script = HERE / f"parity/{name}.py"
    assert run(str(HERE / "support/on_virtual_clock.py"), str(script)) == forks[0](script)


def test_there_are_scripts() -> None:
    assert len(SCRIPTS) >= 150
