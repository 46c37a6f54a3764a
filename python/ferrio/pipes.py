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

__all__ = ("PipeMixin",)


class PipeMixin:
    """Making transports of pipes, FIFOs, sockets and character devices."""

    _debug: bool
    create_future: Any

    async def connect_read_pipe(self, protocol_factory: Any, pipe: Any) -> Any:
        """Read from a pipe, which the transport owns from now on. Return (transport, protocol)."""
        protocol = protocol_factory()
        waiter = self.create_future()
        mode = os.fstat(pipe.fileno()).st_mode
        if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISCHR(mode)):
            raise ValueError("Pipe transport is for pipes/sockets only.")
        os.set_blocking(pipe.fileno(), False)
        transport = _core.ReadPipeTransport(self, pipe, protocol, waiter)
        await _started(transport, waiter)
        if self._debug:
            logger.debug("Read pipe %r connected: (%r, %r)", pipe.fileno(), transport, protocol)
        return transport, protocol

    async def connect_write_pipe(self, protocol_factory: Any, pipe: Any) -> Any:
        """Write to a pipe, which the transport owns from now on. Return (transport, protocol)."""
        protocol = protocol_factory()
        waiter = self.create_future()
        mode = os.fstat(pipe.fileno()).st_mode
        if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISCHR(mode)):
            raise ValueError("Pipe transport is only for pipes, sockets and character devices")
        os.set_blocking(pipe.fileno(), False)
        transport = _core.WritePipeTransport(self, pipe, protocol, waiter)
        # Of these the kernel tells when the reader has gone.
        transport._watchable = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
        await _started(transport, waiter)
        if self._debug:
            logger.debug("Write pipe %r connected: (%r, %r)", pipe.fileno(), transport, protocol)
        return transport, protocol


async def _started(transport: Any, waiter: Any) -> None:
    try:
        await waiter
    except BaseException:
        transport.close()
        raise
