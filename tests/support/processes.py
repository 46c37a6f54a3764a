"""Programs that run in a process of their own, for what a test cannot do to its own process."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# A program, like a parity script, finds what the tests share.
ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join(
        [str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
}


def run_script(script: str, *options: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run a program, with unclosed resources as errors; return how it ended and what it printed."""
    command = [
        sys.executable,
        "-X",
        "faulthandler",
        "-W",
        "error::ResourceWarning",
        *options,
        "-c",
        textwrap.dedent(script),
    ]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, env=ENVIRONMENT, check=False
    )


def output(script: str, *options: str, timeout: float = 60) -> str:
    """Run a program; return what it prints. A signal, an exit status other than 0 and a panic fail the test."""
    done = run_script(script, *options, timeout=timeout)
    if done.returncode != 0 or "panicked" in done.stderr:
        raise AssertionError((done.returncode, done.stdout[-2000:], done.stderr[-4000:]))
    return done.stdout


def run_ferrio(
    *arguments: str, on: tuple[str, ...] = ("-m", "ferrio"), **keywords: Any
) -> subprocess.CompletedProcess[str]:
    """Run `python -m ferrio` with these arguments; `on=()` is plain python. Return how it ended and what it printed."""
    return subprocess.run(
        [sys.executable, *on, *arguments], capture_output=True, text=True, timeout=60, check=False, **keywords
    )


@contextlib.contextmanager
def running_ferrio(code: str, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Run a program under python -m ferrio until it has printed "runs", and end its process afterwards."""
    child: Any = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "ferrio", *options, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout.readline() == "runs\n"
        yield child
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
        child.stderr.close()


def forked(work: Callable[[], int]) -> int:
    """Call work() in a forked child; return the exit status, which is what work() returns."""
    with warnings.catch_warnings():
        # The tests' process may have other threads.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        status = 99
        try:
            status = work()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
