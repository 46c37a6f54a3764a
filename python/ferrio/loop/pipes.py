"""Pipes: loop.connect_read_pipe(), loop.connect_write_pipe()."""

from __future__ import annotations

import os
import stat
from asyncio.log import logger

from ferrio import _core

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ferrio.loop import Loop

__all__ = ("connect_read_pipe", "connect_write_pipe")


async def connect_read_pipe(loop: Loop, protocol_factory: Any, pipe: Any) -> Any:
    """Read from a pipe, which the transport then owns. Return (transport, protocol)."""
    protocol = protocol_factory()
    waiter = loop.create_future()
    _prepare(pipe, "Pipe transport is for pipes/sockets only.")
    transport = _core.ReadPipeTransport(loop, pipe, protocol, waiter)
    await _started(transport, waiter)
    if loop._debug:
        logger.debug("Read pipe %r connected: (%r, %r)", pipe.fileno(), transport, protocol)
    return transport, protocol


async def connect_write_pipe(loop: Loop, protocol_factory: Any, pipe: Any) -> Any:
    """Write to a pipe, which the transport then owns. Return (transport, protocol)."""
    protocol = protocol_factory()
    waiter = loop.create_future()
    is_device = _prepare(pipe, "Pipe transport is only for pipes, sockets and character devices")
    transport = _core.WritePipeTransport(loop, pipe, protocol, waiter)
    # For the others, the kernel tells when the reader has gone.
    transport._watchable = not is_device
    await _started(transport, waiter)
    if loop._debug:
        logger.debug("Write pipe %r connected: (%r, %r)", pipe.fileno(), transport, protocol)
    return transport, protocol


def _prepare(pipe: Any, refusal: str) -> bool:
    """Return whether a pipe is a device. ValueError for a file that cannot be waited for."""
    mode = os.fstat(pipe.fileno()).st_mode
    is_device = stat.S_ISCHR(mode)
    if not (is_device or stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        raise ValueError(refusal)
    return is_device


async def _started(transport: Any, waiter: Any) -> None:
    try:
        await waiter
    except BaseException:
        transport.close()
        raise
