"""Toolkits with windows, for tests in processes of their own: a display, and what is missing."""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import ferrio
import pytest
from ferrio.guest import Guest

from support import processes


def require_descriptor() -> None:
    """Skip the tests of a module where the poller has no descriptor, as poll(2) has none."""
    loop = ferrio.new_event_loop()
    try:
        Guest(loop).fileno()
    except RuntimeError as error:
        pytest.skip(str(error), allow_module_level=True)
    finally:
        loop.close()


def require(module: str) -> None:
    """Skip the tests of a module where a toolkit is missing."""
    try:
        importlib.import_module(module)
    except (ImportError, ValueError) as error:
        pytest.skip(f"{module} is missing: {error}", allow_module_level=True)


@contextlib.contextmanager
def display() -> Iterator[None]:
    """Give the tests' processes a display of their own. Skip the tests where there is no Xvfb."""
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is missing")
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "800x600x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL) as server:
        os.close(write)
        try:
            with open(read, encoding="ascii") as numbers:
                number = numbers.readline().strip()
            if not number:
                pytest.skip("Xvfb does not start")
            before = processes.ENVIRONMENT.get("DISPLAY")
            processes.ENVIRONMENT["DISPLAY"] = f":{number}"
            yield
            if before is None:
                del processes.ENVIRONMENT["DISPLAY"]
            else:
                processes.ENVIRONMENT["DISPLAY"] = before
        finally:
            server.terminate()


def demonstration(example: str) -> str:
    """What an example prints that presses its button itself."""
    path = Path(__file__).parents[2] / "examples" / example
    done = subprocess.run(
        [sys.executable, str(path), "--demo"],
        capture_output=True,
        text=True,
        timeout=60,
        env=processes.ENVIRONMENT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
