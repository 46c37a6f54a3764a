"""Frames of asyncio/base_events.py; see the package."""

from __future__ import annotations

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import TypeVar

    _T = TypeVar("_T")

__all__ = ("sendfile", "shutdown_default_executor", "subprocess_exec", "subprocess_shell")


async def sendfile(work: Awaitable[_T]) -> _T:
    """Await the sending of a file through a transport."""
    return await work


async def shutdown_default_executor(work: Awaitable[_T]) -> _T:
    """Await the end of the default executor."""
    return await work


async def subprocess_exec(work: Awaitable[_T]) -> _T:
    """Await the start of a program."""
    return await work


async def subprocess_shell(work: Awaitable[_T]) -> _T:
    """Await the start of a command line."""
    return await work
