"""TLS over Ferrio's transports.

The handshake and the records are those of the interpreter's own ssl objects: whatever can be set on an
ssl.SSLContext works. The records' way and its flow control are in the Rust classes; handshake, shutdown and
errors are inherited from asyncio's.
"""

from __future__ import annotations

from asyncio import sslproto

from ferrio import _core
from ferrio.loop.socket_classes import make_socket_transport

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ("SSLProtocol", "check_timeouts", "make_tls_transport")

# asyncio's own, also once something else has been put in their place.
_Protocol: Any = sslproto.SSLProtocol
_Transport: Any = sslproto._SSLProtocolTransport
_State: Any = sslproto.SSLProtocolState


class _SSLProtocolTransport(_Transport):  # type: ignore[misc]  # chosen at run time
    __doc__ = _Transport.__doc__

    def __init__(self, loop: Any, ssl_protocol: Any) -> None:
        super().__init__(loop, ssl_protocol)
        # Without a call between.
        self.write = ssl_protocol._write

    def close(self) -> None:
        """Close the connection once what waits is sent."""
        super().close()
        if self._ssl_protocol is None:
            # Nothing here refers to what is over.
            self.__dict__.pop("write", None)


class SSLProtocol(_core.TlsProtocol, _Protocol):  # type: ignore[misc]  # chosen at run time
    __doc__ = _Protocol.__doc__

    _app_transport_created: bool
    _ssl_buffer: Any
    _ssl_buffer_view: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        # A trick: asyncio's __init__ makes a buffer of self.max_size bytes, 256 KiB for each connection.
        # Ferrio's transports need none, and for others get_buffer() makes it. So meanwhile an attribute of
        # the instance hides the class's max_size. __init__ uses max_size for nothing else.
        self.max_size = 0
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
        """Give the protocol what has come before the end, then shut down."""
        self._do_read()
        if self._state is not _State.FLUSHING:
            return
        if self._eof_received and self._app_reading_paused and self._has_unread():
            # asyncio drops it. resume_reading() comes here again.
            return
        self._set_state(_State.SHUTDOWN)
        self._do_shutdown()

    def _has_unread(self) -> bool:
        return bool(self._incoming.pending or self._sslobj.pending())

    def _check_handshake_timeout(self) -> None:
        if self._state is _State.DO_HANDSHAKE:
            super()._check_handshake_timeout()
            # A transport that was closed before tells nobody. asyncio would wait for ever.
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
            # The program closes what it has not read to the end. asyncio would wait for ever.
            self._set_state(_State.SHUTDOWN)
            self._do_shutdown()
        else:
            super()._start_shutdown()

    def eof_received(self) -> Any:
        """Take note of the peer's end. Return True if the protocol has not yet taken all that came before."""
        answer = super().eof_received()
        return answer or self._state is _State.FLUSHING

    def get_buffer(self, n: int) -> Any:
        """Return a buffer for what is received; of a transport that is not Ferrio's."""
        if self._ssl_buffer is None:
            self._ssl_buffer = bytearray(self.max_size)
            self._ssl_buffer_view = memoryview(self._ssl_buffer)
        return _Protocol.get_buffer(self, n)

    def buffer_updated(self, nbytes: int) -> None:
        """Take what was received into the buffer."""
        self._received(self._ssl_buffer_view[:nbytes])


for _class in (_SSLProtocolTransport, SSLProtocol):
    # Their representations show where a class comes from; programs and people expect asyncio there.
    _class.__module__ = "asyncio.sslproto"
del _class


def check_timeouts(ssl: Any, handshake: float | None, shutdown: float | None) -> None:
    """Raise ValueError for a timeout of TLS where there is none."""
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
    """Return a transport that encrypts; the waiter is told when the handshake is done."""
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
