"""StreamReader, StreamWriter, and the functions that create connections and servers with them.

The state and the hot methods are in the Rust classes. The rest is inherited from asyncio's.
"""

from __future__ import annotations

import asyncio
import functools
import types
from asyncio import events, streams
from collections.abc import Callable

from ferrio import _core

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = (
    "StreamReader",
    "StreamReaderProtocol",
    "StreamWriter",
    "open_connection",
    "open_unix_connection",
    "start_server",
    "start_unix_server",
)

# `import ferrio as asyncio`: what is not here is asyncio's.
__getattr__: Callable[[str], Any] = functools.partial(getattr, asyncio.streams)

# asyncio's own classes, which install() may replace later.
_StreamReader = asyncio.StreamReader
_StreamReaderProtocol = asyncio.StreamReaderProtocol
_StreamWriter = asyncio.StreamWriter

# asyncio's default limit in bytes: the longest line, and half of what a reader holds before reading pauses.
_DEFAULT_LIMIT = 2**16


class StreamReader(_core.StreamReader, _StreamReader):
    """Reads from a stream: a number of bytes, a line, or up to a separator (see asyncio.StreamReader).

    limit: the length of the longest line in bytes, and half of what the reader holds before it pauses.
    loop: the event loop; by default the running one.
    """


class StreamWriter(_core.StreamWriter, _StreamWriter):
    __doc__ = _StreamWriter.__doc__

    def __init__(self, transport: Any, protocol: Any, reader: Any, loop: Any) -> None:
        _StreamWriter.__init__(self, transport, protocol, reader, loop)


class StreamReaderProtocol(_core.StreamProtocol, _StreamReaderProtocol):
    __doc__ = _StreamReaderProtocol.__doc__

    def __init__(self, stream_reader: Any, client_connected_cb: Any = None, loop: Any = None) -> None:
        _StreamReaderProtocol.__init__(self, stream_reader, client_connected_cb, loop)

    def connection_lost(self, exc: Exception | None) -> None:
        _StreamReaderProtocol.connection_lost(self, exc)
        closed: Any = self._closed  # type: ignore[attr-defined]
        # asyncio retrieves the exception of this future in __del__, so that nobody reports it. At times that
        # is too late: a garbage collection can finalize the future first.
        if exc is not None and closed.done() and not closed.cancelled():
            closed.exception()

    # A trick: this is the code of asyncio's method with other globals, in which StreamWriter is this module's
    # class. So the method creates one of Ferrio's writers, and is otherwise the interpreter's own. The
    # globals are a copy, so it does not see later changes of asyncio.streams, for example by a mock.
    if not TYPE_CHECKING:
        connection_made = types.FunctionType(
            _StreamReaderProtocol.connection_made.__code__, {**vars(streams), "StreamWriter": StreamWriter}
        )


for _class in (StreamReader, StreamWriter, StreamReaderProtocol):
    # Their representations show the module of a class. Programs and people expect asyncio's.
    _class.__module__ = "asyncio.streams"
del _class


async def open_connection(
    host: Any = None, port: Any = None, *, limit: int = _DEFAULT_LIMIT, **kwds: Any
) -> tuple[Any, Any]:
    """Connect to a host. Return (reader, writer); see asyncio.open_connection().

    limit: the limit of the reader's buffer, in bytes.

    Further keywords are those of loop.create_connection().
    """
    loop = events.get_running_loop()
    reader = StreamReader(limit=limit, loop=loop)
    protocol = StreamReaderProtocol(reader, loop=loop)
    transport, _ = await loop.create_connection(lambda: protocol, host, port, **kwds)
    return reader, StreamWriter(transport, protocol, reader, loop)


def _server_protocol(client_connected_cb: Any, limit: int, loop: Any) -> Callable[[], Any]:
    def factory() -> Any:
        reader = StreamReader(limit=limit, loop=loop)
        return StreamReaderProtocol(reader, client_connected_cb, loop=loop)

    return factory


async def start_server(
    client_connected_cb: Any, host: Any = None, port: Any = None, *, limit: int = _DEFAULT_LIMIT, **kwds: Any
) -> Any:
    """Start a server, which calls client_connected_cb(reader, writer) for each connection.

    See asyncio.start_server().

    limit: the limit of each reader's buffer, in bytes.

    Further keywords are those of loop.create_server().
    """
    loop = events.get_running_loop()
    return await loop.create_server(_server_protocol(client_connected_cb, limit, loop), host, port, **kwds)


async def open_unix_connection(
    path: Any = None, *, limit: int = _DEFAULT_LIMIT, **kwds: Any
) -> tuple[Any, Any]:
    """Connect to a Unix socket. Return (reader, writer); see open_connection()."""
    loop = events.get_running_loop()
    reader = StreamReader(limit=limit, loop=loop)
    protocol = StreamReaderProtocol(reader, loop=loop)
    transport, _ = await loop.create_unix_connection(lambda: protocol, path, **kwds)
    return reader, StreamWriter(transport, protocol, reader, loop)


async def start_unix_server(
    client_connected_cb: Any, path: Any = None, *, limit: int = _DEFAULT_LIMIT, **kwds: Any
) -> Any:
    """Start a server on a Unix socket; see start_server()."""
    loop = events.get_running_loop()
    return await loop.create_unix_server(_server_protocol(client_connected_cb, limit, loop), path, **kwds)


# As asyncio's, which have no annotations: help() and inspect.signature() show the same.
for _function in (open_connection, open_unix_connection, start_server, start_unix_server):
    _function.__annotations__ = {}
del _function
