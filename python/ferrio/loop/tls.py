"""Upgrading a connection to TLS: loop.start_tls()."""

from __future__ import annotations

import ssl

from ferrio.tls import SSLProtocol

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ferrio.loop import Loop

__all__ = ("start_tls",)


async def start_tls(
    loop: Loop,
    transport: Any,
    protocol: Any,
    sslcontext: Any,
    *,
    server_side: bool,
    server_hostname: str | None,
    ssl_handshake_timeout: float | None,
    ssl_shutdown_timeout: float | None,
) -> Any:
    """Encrypt an open connection. Return the transport to use from now on."""
    if not isinstance(sslcontext, ssl.SSLContext):
        raise TypeError(f"sslcontext is expected to be an instance of ssl.SSLContext, got {sslcontext!r}")
    if not getattr(transport, "_start_tls_compatible", False):
        raise TypeError(f"transport {transport!r} is not supported by start_tls()")
    current = transport.get_protocol()
    if current is None:
        raise ConnectionResetError("the connection was lost before start_tls()")
    if isinstance(current, SSLProtocol) and getattr(current, "_waiter", None) is not None:
        raise RuntimeError("start_tls() is already under way on this transport")
    waiter: Any = loop.create_future()
    tls: Any = SSLProtocol(
        loop,
        protocol,
        sslcontext,
        waiter,
        server_side,
        server_hostname,
        ssl_handshake_timeout=ssl_handshake_timeout,
        ssl_shutdown_timeout=ssl_shutdown_timeout,
        call_connection_made=False,
    )
    # Nothing may arrive before the new protocol knows its transport.
    transport.pause_reading()
    if server_side:
        _take_over_buffered(tls, protocol)
    transport.set_protocol(tls)
    made = loop.call_soon(tls.connection_made, transport)
    resumed = loop.call_soon(transport.resume_reading)
    try:
        await waiter
    except BaseException:
        transport.close()
        made.cancel()
        resumed.cancel()
        waiter = None  # or the exception's traceback would make a cycle of it
        raise
    return tls._app_transport


def _take_over_buffered(tls: Any, protocol: Any) -> None:
    """Give the client's first record to TLS, if a stream reader has read it already."""
    reader = getattr(protocol, "_stream_reader", None)
    buffered = getattr(reader, "_buffer", None)
    if buffered:
        tls._incoming.write(bytes(buffered))
        buffered.clear()
