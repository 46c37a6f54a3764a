"""The event loops that are compared, each as a program would choose it."""

import asyncio
import contextlib
import importlib
import importlib.metadata
import importlib.util
from collections.abc import Coroutine
from typing import Any

# Ferrio twice: with ferrio.install(), and as a loop only. Then the standard library's and the peers.
OURS = ("ferrio", "ferrio-loop")
PEERS = ("asyncio", "uvloop", "zuvloop", "rloop", "rsloop", "zloop")
ALL = OURS + PEERS


def package(loop: str) -> str:
    """Return the name of the package that a loop comes from."""
    return "ferrio" if loop in OURS else loop


def available() -> list[str]:
    """Return those that are installed."""
    return [loop for loop in ALL if importlib.util.find_spec(package(loop))]


def version(loop: str) -> str:
    """Return a loop's version; nothing for the interpreter's own."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(package(loop))
    return ""


def choose(loop: str) -> Any:
    """Return the loop's factory; for "ferrio" asyncio's names give Ferrio's from now on."""
    module = importlib.import_module(package(loop))
    if loop == "ferrio":
        module.install()
    return asyncio.new_event_loop if loop == "asyncio" else module.new_event_loop


def run(loop: str, main: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine on a loop, and return its result."""
    with asyncio.Runner(loop_factory=choose(loop)) as runner:
        return runner.run(main)
