"""uvloop, as a program of `python -m ferrio` gets it: uvloop's names, with Ferrio's loop behind them.

A program that asks for uvloop wants a fast loop. On uvloop's loop, `ps` would not see its tasks. So
`ferrio.startup` gives the program this module as uvloop, if uvloop is installed. Without uvloop, the import
fails as usual. With --keep-uvloop, the program gets uvloop itself.

The module logs its first use.
"""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections.abc import Callable, Coroutine

import ferrio
from ferrio import versions

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    from ferrio import EventLoopPolicy

    _T = TypeVar("_T")

__all__ = ("EventLoopPolicy", "install", "new_event_loop", "run")

_said = False


def _say() -> None:
    global _said
    if not _said:
        _said = True
        logger = logging.getLogger("ferrio")
        logger.info("The program gets Ferrio's loop in place of uvloop's (python -m ferrio --keep-uvloop)")


def new_event_loop() -> ferrio.Loop:
    """Return a new event loop."""
    _say()
    return ferrio.Loop()


def run(
    main: Coroutine[Any, Any, _T],
    *,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = new_event_loop,
    debug: bool | None = None,
) -> _T:
    """Run a coroutine on a new event loop and return its result."""

    async def wrapper() -> _T:
        if not isinstance(asyncio.get_running_loop(), ferrio.Loop):
            raise TypeError("uvloop.run() uses a non-uvloop event loop")
        return await main

    _say()
    # On 3.11, mypy knows asyncio's signature, without loop_factory. Ferrio has it on every version.
    run_with_factory: Callable[..., _T] = ferrio.run
    return run_with_factory(wrapper(), loop_factory=loop_factory, debug=debug)


def install() -> None:
    """Set the event loop policy that makes these loops."""
    if versions.UVLOOP_WARNS_OF_INSTALL:
        message = "uvloop.install() is deprecated in favor of uvloop.run() starting with Python 3.12."
        warnings.warn(message, DeprecationWarning, stacklevel=1)
    _say()
    asyncio.set_event_loop_policy(ferrio.EventLoopPolicy())


def __getattr__(name: str) -> Any:
    if name == "Loop":
        _say()
        return ferrio.Loop
    if name == "EventLoopPolicy":
        # Newer interpreters warn about policies.
        _say()
        return ferrio.EventLoopPolicy
    if name == "__version__":
        # The version of the installed uvloop, because programs check whether it is new enough.
        from importlib.metadata import version

        return version("uvloop")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
