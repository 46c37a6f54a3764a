"""TLS over Ferrio's transports.

The handshake and the records are those of the interpreter's own ssl objects, driven by the standard
library's SSLProtocol over a transport of Ferrio's: whatever can be set on an ssl.SSLContext works.
"""

import ssl
from asyncio import sslproto
from typing import Any

from ferrio import _core

__all__ = ("TlsMixin", "make_tls_transport")


# The type stubs know of whole seconds only.
_SSLProtocol: Any = sslproto.SSLProtocol


def make_tls_transport(
    loop: Any,
    sock: Any,
    protocol: Any,
    context: Any,
    waiter: Any,
    *,
    server_side: bool = False,
    server_hostname: str | None = None,
    extra: Any = None,
    server: Any = None,
    ssl_handshake_timeout: float | None = None,
    ssl_shutdown_timeout: float | None = None,
) -> Any:
    """Return a transport that encrypts; the waiter is told when the handshake is done."""
    tls: Any = _SSLProtocol(
        loop,
        protocol,
        context,
        waiter,
        server_side,
        server_hostname,
        ssl_handshake_timeout=ssl_handshake_timeout,
        ssl_shutdown_timeout=ssl_shutdown_timeout,
    )
    _core.SocketTransport(loop, sock, tls, extra=extra, server=server)
    return tls._app_transport


class TlsMixin:
    """loop.start_tls()."""

    async def start_tls(
        self,
        transport: Any,
        protocol: Any,
        sslcontext: Any,
        *,
        server_side: bool = False,
        server_hostname: str | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
    ) -> Any:
        """Encrypt a connection that stands. Return the transport to use from now on.

        TypeError for what is not an ssl.SSLContext, and for transports that can't be upgraded.
        """
        if not isinstance(sslcontext, ssl.SSLContext):
            raise TypeError(f"sslcontext is expected to be an instance of ssl.SSLContext, got {sslcontext!r}")
        if not getattr(transport, "_start_tls_compatible", False):
            raise TypeError(f"transport {transport!r} is not supported by start_tls()")
        loop: Any = self
        waiter = loop.create_future()
        tls: Any = _SSLProtocol(
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
