"""MemoryLoop: a simulated loop whose connections go to the network in memory."""

from __future__ import annotations

import functools
import os
import socket
import ssl as ssl_module
import weakref
from collections.abc import Callable
from typing import Any

from ferrio import versions
from ferrio.testing import outside
from ferrio.testing.addresses import family_of, socket_name
from ferrio.testing.datagrams import open_endpoint
from ferrio.testing.hosts import current_life
from ferrio.testing.memory_servers import MemoryServer
from ferrio.testing.memory_sockets import port_number, reset_error
from ferrio.testing.network import Network
from ferrio.testing.simulation import DeadlockError, SimulatedLoop
from ferrio.testing.transports import MemoryTransport
from ferrio.tls import SSLProtocol, check_timeouts

__all__ = ("MemoryLoop",)

_PROTOCOLS = {socket.SOCK_STREAM: socket.IPPROTO_TCP, socket.SOCK_DGRAM: socket.IPPROTO_UDP}


class MemoryLoop(SimulatedLoop):
    """A simulated loop with a network in memory."""

    def __init__(self, *args: Any, network_seed: int = 0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.network: Network = Network(self, network_seed)
        self._asyncgen_lives: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
        # Connections that sock_connect() has made, until create_connection() takes them over.
        self._connected: weakref.WeakKeyDictionary[Any, MemoryTransport] = weakref.WeakKeyDictionary()

    async def sock_connect(self, sock: Any, address: Any) -> None:
        """Connect to a host of the network. The socket is good for create_connection(sock=...) only."""
        if sock.family == socket.AF_UNIX:
            self._connected[sock] = await self.network.connect_unix(os.fspath(address))
        else:
            self._connected[sock] = _made(await self.network.connect(address[0], address[1], sock.family))

    def _stuck(self) -> None:
        """Raise DeadlockError, which names hosts that are paused."""
        try:
            super()._stuck()
        except DeadlockError as error:
            for host in self.network.hosts:
                if host.is_up and host.life().is_paused:
                    error.add_note(f"{host!r} waits for resume()")
            raise

    def close(self) -> None:
        """Close the loop. Its network is gone with it, so that nobody has to close what is left of it."""
        super().close()
        self.network.end()

    async def create_server(
        self,
        protocol_factory: Any,
        host: Any = None,
        port: Any = None,
        *,
        family: int = 0,
        sock: Any = None,
        ssl: Any = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        start_serving: bool = True,
        **_: Any,
    ) -> Any:
        """Listen on the current host; see asyncio's loop.create_server(). Options of sockets do nothing."""
        if isinstance(ssl, bool):
            raise TypeError("ssl argument must be an SSLContext or None")
        check_timeouts(ssl, ssl_handshake_timeout, ssl_shutdown_timeout)
        if sock is not None:
            raise outside.refused("sockets", "create_server(sock=...)")
        if host is None and port is None:
            raise ValueError("Neither host/port nor sock were specified")
        names = [host] if host is None or isinstance(host, str | bytes) else list(host)
        server = MemoryServer(self, protocol_factory, ssl, ssl_handshake_timeout, ssl_shutdown_timeout)
        server.listen(self.network, names, port_number(port), family)
        if start_serving:
            await server.start_serving()
        return server

    async def create_connection(
        self,
        protocol_factory: Any,
        host: Any = None,
        port: Any = None,
        *,
        ssl: Any = None,
        family: int = 0,
        sock: Any = None,
        server_hostname: str | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        all_errors: bool = False,
        **_: Any,
    ) -> Any:
        """Connect to a host of the network; see asyncio's loop.create_connection().

        Options of sockets do nothing.
        """
        if server_hostname is not None and not ssl:
            raise ValueError("server_hostname is only meaningful with ssl")
        if server_hostname is None and ssl:
            if not host:
                raise ValueError("You must set server_hostname when using ssl without a host")
            server_hostname = host
        check_timeouts(ssl, ssl_handshake_timeout, ssl_shutdown_timeout)
        if sock is not None:
            if host is not None or port is not None:
                raise ValueError("host/port and sock can not be specified at the same time")
            transport = self._take_connected(sock, "create_connection(sock=...)")
        elif host is None and port is None:
            raise ValueError("host and port was not specified and no sock specified")
        else:
            made = await self.network.connect("localhost" if host is None else host, port, family)
            transport = _made(made, all_errors)
        return await self._begin(
            transport, protocol_factory, ssl, server_hostname, ssl_handshake_timeout, ssl_shutdown_timeout
        )

    async def create_unix_connection(
        self,
        protocol_factory: Any,
        path: Any = None,
        *,
        ssl: Any = None,
        sock: Any = None,
        server_hostname: str | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
    ) -> Any:
        """Connect to a Unix socket of the current host; see asyncio's loop.create_unix_connection()."""
        if server_hostname is not None and not ssl:
            raise ValueError("server_hostname is only meaningful with ssl")
        if server_hostname is None and ssl:
            raise ValueError("you have to pass server_hostname when using ssl")
        check_timeouts(ssl, ssl_handshake_timeout, ssl_shutdown_timeout)
        if sock is not None:
            if path is not None:
                raise ValueError("path and sock can not be specified at the same time")
            transport = self._take_connected(sock, "create_unix_connection(sock=...)")
        elif path is None:
            raise ValueError("no path and sock were specified")
        else:
            transport = await self.network.connect_unix(os.fspath(path))
        return await self._begin(
            transport, protocol_factory, ssl, server_hostname, ssl_handshake_timeout, ssl_shutdown_timeout
        )

    async def create_unix_server(
        self,
        protocol_factory: Any,
        path: Any = None,
        *,
        sock: Any = None,
        ssl: Any = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        start_serving: bool = True,
        cleanup_socket: bool = True,
        **_: Any,
    ) -> Any:
        """Listen on a path of the current host, which is no file; see asyncio's loop.create_unix_server()."""
        if isinstance(ssl, bool):
            raise TypeError("ssl argument must be an SSLContext or None")
        check_timeouts(ssl, ssl_handshake_timeout, ssl_shutdown_timeout)
        if sock is not None:
            if path is not None:
                raise ValueError("path and sock can not be specified at the same time")
            raise outside.refused("sockets", "create_unix_server(sock=...)")
        if path is None:
            raise ValueError("path was not specified, and no sock specified")
        server = MemoryServer(self, protocol_factory, ssl, ssl_handshake_timeout, ssl_shutdown_timeout)
        remains = not (cleanup_socket and versions.UNIX_SERVERS_REMOVE_THEIR_PATH)
        server.listen_unix(self.network, os.fspath(path), remains)
        if start_serving:
            await server.start_serving()
        return server

    def _take_connected(self, sock: Any, what: str) -> MemoryTransport:
        """Return the connection that sock_connect() has made for a socket."""
        taken = self._connected.pop(sock, None)
        if taken is None:
            raise outside.refused("sockets", what)
        sock.close()
        return taken

    async def _begin(
        self,
        transport: MemoryTransport,
        protocol_factory: Any,
        ssl: Any,
        server_hostname: str | None,
        handshake_timeout: float | None,
        shutdown_timeout: float | None,
    ) -> Any:
        """Give a connection its protocol. Return the transport as the protocol sees it, and the protocol."""
        if transport.is_closing():
            # It was reset before it had a protocol that could hear of it.
            raise reset_error()
        waiter = self.create_future()
        try:
            protocol = protocol_factory()
            shown: Any = transport
            if ssl:
                tls: Any = SSLProtocol(
                    self,
                    protocol,
                    ssl_module.create_default_context() if isinstance(ssl, bool) else ssl,
                    waiter,
                    False,
                    server_hostname,
                    ssl_handshake_timeout=handshake_timeout,
                    ssl_shutdown_timeout=shutdown_timeout,
                )
                transport.connect(tls)
                shown = tls._get_app_transport()
            else:
                transport.connect(protocol, waiter)
            await waiter
        except BaseException:
            transport.abort()
            raise
        return shown, protocol

    async def create_datagram_endpoint(  # type: ignore[override]
        self,
        protocol_factory: Any,
        local_addr: Any = None,
        remote_addr: Any = None,
        *,
        family: int = 0,
        proto: int = 0,
        flags: int = 0,
        reuse_port: bool | None = None,
        allow_broadcast: bool | None = None,
        sock: Any = None,
    ) -> Any:
        """Open a datagram endpoint on the current host; see asyncio's loop.create_datagram_endpoint()."""
        if sock is not None:
            raise outside.refused("sockets", "create_datagram_endpoint(sock=...)")
        return await open_endpoint(self, protocol_factory, local_addr, remote_addr, family, allow_broadcast)

    async def getaddrinfo(  # type: ignore[override]
        self, host: Any, port: Any, *, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
    ) -> Any:
        """Return the address of a host of the network, as socket.getaddrinfo() does."""
        if host is None and flags & socket.AI_PASSIVE:
            addresses = self.network.names.listening(None, self.network.current_host(), family)
        else:
            found = self.network.resolve("localhost" if host is None else host, family)
            addresses = [address for _, address in found]
        kind = socket.SocketKind(type or socket.SOCK_STREAM)
        proto = proto or _PROTOCOLS.get(kind, 0)
        number = port_number(port)
        return [(family_of(address), kind, proto, "", socket_name(address, number)) for address in addresses]

    async def getnameinfo(self, sockaddr: Any, flags: int = 0) -> Any:
        """Return the name of the host with an address, and the port, as socket.getnameinfo() does."""
        host, address = self.network.resolve(sockaddr[0])[0]
        return (address if flags & socket.NI_NUMERICHOST else host.name), str(sockaddr[1])

    # What would reach out of the simulation, unless the test allows it

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override]
        """Call func(*args) in an executor, if the test allows threads."""
        if "threads" not in self.allowed:
            raise outside.refused("threads", "run_in_executor()")
        return super().run_in_executor(executor, func, *args)

    # What hosts that have crashed leave behind

    def begin_hold(self) -> Callable[[], None]:
        """Have the clock stand still until the function that is returned is called, or the host crashes."""
        release = super().begin_hold()
        life = current_life()
        if life is not None:
            life.holds.append(release)
        return release

    def finish(self) -> None:
        """The test is over: what is paused may end."""
        super().finish()
        self.network.wake()

    def _asyncgen_firstiter_hook(self, agen: Any) -> None:
        super()._asyncgen_firstiter_hook(agen)
        life = current_life()
        if life is not None:
            self._asyncgen_lives[agen] = life

    async def shutdown_asyncgens(self) -> None:
        """Close the asynchronous generators that are left, except those of hosts that have crashed."""
        for agen, life in list(self._asyncgen_lives.items()):
            if life.is_over:
                self._asyncgens.discard(agen)
        await super().shutdown_asyncgens()


def _made(made: Any, all_errors: bool = False) -> MemoryTransport:
    """Return a connection that was made, or raise asyncio's error of several addresses."""
    if isinstance(made, MemoryTransport):
        return made
    if all_errors:
        raise ExceptionGroup("create_connection failed", made)
    texts = [str(error) for error in made]
    if len(set(texts)) == 1:
        raise made[0]
    raise OSError(f"Multiple exceptions: {', '.join(texts)}")


def _refuse(name: str, kind: str) -> Callable[..., Any]:
    original = getattr(SimulatedLoop, name)

    @functools.wraps(original)
    def refused(self: Any, *args: Any, **keywords: Any) -> Any:
        if kind not in self.allowed:
            raise outside.refused(kind, f"{name}()")
        return original(self, *args, **keywords)

    return refused


for _kind, _names in {
    "sockets": (
        "add_reader",
        "add_writer",
        "connect_accepted_socket",
        "connect_read_pipe",
        "connect_write_pipe",
        "sendfile",
        "sock_accept",
        "sock_recv",
        "sock_recv_into",
        "sock_recvfrom",
        "sock_recvfrom_into",
        "sock_sendall",
        "sock_sendfile",
        "sock_sendto",
    ),
    "processes": ("subprocess_exec", "subprocess_shell"),
}.items():
    for _name in _names:
        setattr(MemoryLoop, _name, _refuse(_name, _kind))
