"""TLS over Ferrio's transports.

The interpreter's own ssl objects do the handshake and the records, so every setting of an ssl.SSLContext
works. The Rust class moves the records and has the flow control; where it can, it calls OpenSSL directly on
what is in the ssl object. The begin and the end of the handshake, shutdown and errors are inherited from
asyncio's.
"""

from __future__ import annotations

import os
import sys
from asyncio import sslproto

from ferrio import _core
from ferrio.loop.socket_classes import make_socket_transport

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ("SSLProtocol", "check_timeouts", "make_tls_transport", "uses_openssl")

if os.environ.get("FERRIO_OPENSSL") == "0" and not sys.flags.ignore_environment:
    _core.use_openssl(False)

# asyncio's own classes, which install() may replace later.
if TYPE_CHECKING:

    class _Protocol(sslproto.SSLProtocol):
        # Not all of the private methods are in the stub.
        def __getattr__(self, name: str) -> Any: ...
else:
    _Protocol = sslproto.SSLProtocol
_Transport: Any = sslproto._SSLProtocolTransport
_State: Any = sslproto.SSLProtocolState


class _SSLProtocolTransport(_Transport):  # type: ignore[misc]  # chosen at run time
    __doc__ = _Transport.__doc__

    def __init__(self, loop: Any, ssl_protocol: Any) -> None:
        super().__init__(loop, ssl_protocol)
        # Directly, without a method in between.
        self.write = ssl_protocol._write

    def close(self) -> None:
        """Close the connection when all data is sent."""
        super().close()
        if self._ssl_protocol is None:
            # Drop the references to the closed connection.
            self.__dict__.pop("write", None)


class SSLProtocol(_core.TlsProtocol, _Protocol):
    __doc__ = _Protocol.__doc__

    _app_transport_created: bool
    _ssl_buffer: Any
    _ssl_buffer_view: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        # A trick: asyncio's __init__ creates a buffer of self.max_size bytes, 256 KiB for each connection.
        # Ferrio's transports do not need it, and get_buffer() creates it for others. So during __init__, an
        # attribute of the instance hides the max_size of the class. __init__ uses max_size for nothing else.
        self.max_size = 0  # type: ignore[misc]
        _Protocol.__init__(self, *args, **kwargs)
        del self.max_size
        self._ssl_buffer = self._ssl_buffer_view = None

    def _get_app_transport(self) -> Any:
        if self._app_transport is None:
            if self._app_transport_created:
                raise RuntimeError("Creating _SSLProtocolTransport twice")
            self._app_transport = _SSLProtocolTransport(self._loop, self)
            self._app_transport_created = True
        return self._app_transport

    def _do_flush(self) -> None:
        """Pass the data before the end to the protocol, then shut down."""
        self._do_read()
        if self._state is not _State.FLUSHING:
            return
        if self._eof_received and self._app_reading_paused and self._has_unread():
            # asyncio drops the data. resume_reading() calls this again.
            return
        self._set_state(_State.SHUTDOWN)
        self._do_shutdown()

    def _has_unread(self) -> bool:
        return bool(self._incoming.pending or self._sslobj.pending())

    def _check_handshake_timeout(self) -> None:
        if self._state is _State.DO_HANDSHAKE:
            super()._check_handshake_timeout()
            # A transport that was closed before does not call anything. asyncio would wait for ever.
            error = ConnectionAbortedError(
                "SSL handshake is taking longer than its timeout: the connection is gone"
            )
            self._loop.call_soon(self._give_up, error)

    def _give_up(self, error: Exception) -> None:
        if self._app_transport is not None:
            self._app_transport._closed = True
        self._wakeup_waiter(error)

    def _start_shutdown(self) -> None:
        if self._state is _State.FLUSHING and self._eof_received and self._app_reading_paused:
            # The program closes the connection before it has read everything. asyncio would wait for ever.
            self._set_state(_State.SHUTDOWN)
            self._do_shutdown()
        else:
            super()._start_shutdown()

    def eof_received(self) -> Any:
        """Handle the peer's end. Return True if the protocol has not taken all data before it yet."""
        answer = super().eof_received()
        return answer or self._state is _State.FLUSHING

    def get_buffer(self, n: int) -> Any:
        """Return a buffer to receive into, for a transport that is not Ferrio's."""
        if self._ssl_buffer is None:
            self._ssl_buffer = bytearray(self.max_size)
            self._ssl_buffer_view = memoryview(self._ssl_buffer)
        return _Protocol.get_buffer(self, n)

    def buffer_updated(self, nbytes: int) -> None:
        """Process the data that was received into the buffer."""
        self._received(self._ssl_buffer_view[:nbytes])


for _class in (_SSLProtocolTransport, SSLProtocol):
    # Their representations show the module of a class. Programs and people expect asyncio's.
    _class.__module__ = "asyncio.sslproto"
del _class


def uses_openssl() -> bool:
    """Return whether new connections call OpenSSL directly."""
    return _core.use_openssl()


def check_timeouts(ssl: Any, handshake: float | None, shutdown: float | None) -> None:
    """Raise ValueError for a timeout of TLS without TLS."""
    if handshake is not None and not ssl:
        raise ValueError("ssl_handshake_timeout is only meaningful with ssl")
    if shutdown is not None and not ssl:
        raise ValueError("ssl_shutdown_timeout is only meaningful with ssl")


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
    """Return a transport that encrypts. The waiter is done after the handshake."""
    tls: Any = SSLProtocol(
        loop,
        protocol,
        context,
        waiter,
        server_side,
        server_hostname,
        ssl_handshake_timeout=ssl_handshake_timeout,
        ssl_shutdown_timeout=ssl_shutdown_timeout,
    )
    make_socket_transport(loop, sock, tls, extra=extra, server=server)
    return tls._app_transport
