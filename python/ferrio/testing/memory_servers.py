"""MemoryServer: a server on a host of the network in memory."""

from __future__ import annotations

from typing import Any

from ferrio.server import Server
from ferrio.testing.memory_sockets import MemorySocket
from ferrio.testing.network import Network
from ferrio.testing.transports import MemoryTransport
from ferrio.testing.weak_sets import OrderedWeakSet
from ferrio.tls import SSLProtocol

__all__ = ("MemoryServer",)


class _Listener:
    """What a server stops when it is closed."""

    def __init__(self, host: Any, address: Any, server: Any, remains: bool = False) -> None:
        self._host, self._address, self._server, self._remains = host, address, server, remains

    def stop(self) -> None:
        if self._host.listeners.get(self._address) is not self._server:
            # The host has crashed, or another server has the path.
            return
        if self._remains:
            self._host.listeners[self._address] = None
        else:
            del self._host.listeners[self._address]


class MemoryServer(Server):
    """A server on a host of the network in memory."""

    def __init__(self, loop: Any, protocol_factory: Any, context: Any, *timeouts: float | None) -> None:
        super().__init__(loop, [], protocol_factory, context, 0, *timeouts)
        self._clients = OrderedWeakSet()

    def listen(self, network: Network, names: list[Any], port: int, family: int = 0) -> None:
        """Take the addresses; connections are refused until the server serves."""
        host = network.current_host()
        try:
            found = [address for name in names for address in network.names.listening(name, host, family)]
            for address in dict.fromkeys(found):
                sock: Any = host.bind(self, address, port)
                self._listeners.append(_Listener(host, sock.getsockname()[:2], self))
                assert self._sockets is not None
                self._sockets.append(sock)
        except BaseException:
            self.close()
            raise

    def listen_unix(self, network: Network, path: Any, remains: bool) -> None:
        """Take a path of the current host, also if another server has it."""
        host = network.current_host()
        host.listeners[path] = self
        self._listeners.append(_Listener(host, path, self, remains))
        assert self._sockets is not None
        sock: Any = MemorySocket(path)
        self._sockets.append(sock)

    @property
    def sockets(self) -> tuple[Any, ...]:
        """What stands for the listening sockets; empty once the server is closed."""
        return tuple(self._sockets or ())

    def _start_serving(self) -> None:
        if self._sockets is not None:
            self._serving = True

    def accept(self, transport: MemoryTransport) -> None:
        """Serve a connection that was made, on the server's own host."""
        self._loop.call_soon(self._accept, transport, context=self._context.copy())

    def _accept(self, transport: MemoryTransport) -> None:
        if transport.is_closing():
            # It was reset before anybody accepted it.
            return
        try:
            protocol = self._protocol_factory()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            transport.abort()
            self._loop.call_exception_handler(
                {"message": "Error on transport creation for incoming connection", "exception": error}
            )
            return
        if self._ssl_context is not None:
            protocol = SSLProtocol(
                self._loop,
                protocol,
                self._ssl_context,
                None,
                True,
                ssl_handshake_timeout=self._ssl_handshake_timeout,
                ssl_shutdown_timeout=self._ssl_shutdown_timeout,
            )
        transport.connect(protocol)
