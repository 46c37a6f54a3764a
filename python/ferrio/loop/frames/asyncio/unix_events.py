"""Frames of asyncio/unix_events.py; see the package."""

from __future__ import annotations

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeVar

    _T = TypeVar("_T")

__all__ = ("_sock_sendfile_native_impl", "_stop_serving", "create_unix_server")


async def create_unix_server(work: Awaitable[_T]) -> _T:
    """Await the start of a Unix server."""
    return await work


async def _sock_sendfile_native_impl(work: Awaitable[_T]) -> _T:
    """Await the sending of a file by the kernel."""
    return await work


def _stop_serving(work: Callable[[], _T]) -> _T:
    """Stop listening on a socket, whose path may be removed."""
    return work()
