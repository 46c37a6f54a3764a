"""Transports over sockets whose class the program has derived.

Ferrio's transports make system calls and do not call the socket's methods. If a class overrides a method that
asyncio's transports call, for example to count or to encrypt bytes, its sockets get asyncio's transport.
"""

from __future__ import annotations

import socket
import weakref
from asyncio import selector_events

from ferrio import _core

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ("make_datagram_transport", "make_socket_transport")

# The type stubs of asyncio.selector_events lack some names.
asyncio_transports: Any = selector_events

_OF_STREAMS = ("recv", "recv_into", "send", "sendmsg")
_OF_DATAGRAMS = ("recvfrom", "send", "sendto")


def _overrides(sock: Any, names: tuple[str, ...]) -> bool:
    kind = type(sock)
    if kind is socket.socket:
        return False
    own = getattr(sock, "__dict__", {})
    return any(
        name in own or getattr(kind, name, None) is not getattr(socket.socket, name) for name in names
    ) and all(hasattr(sock, name) for name in names)


def _prepare(loop: Any) -> None:
    """Prepare what asyncio's transports use of their loop."""
    if not hasattr(loop, "_transports"):
        loop._transports = weakref.WeakValueDictionary()


def make_socket_transport(
    loop: Any, sock: Any, protocol: Any, waiter: Any = None, extra: Any = None, server: Any = None
) -> Any:
    """Return a transport over a connected socket."""
    if not _overrides(sock, _OF_STREAMS):
        return _core.SocketTransport(loop, sock, protocol, waiter, extra=extra, server=server)
    _prepare(loop)
    return asyncio_transports._SelectorSocketTransport(loop, sock, protocol, waiter, extra, server)


def make_datagram_transport(loop: Any, sock: Any, protocol: Any, address: Any, waiter: Any) -> Any:
    """Return a transport over a datagram socket. The address is the peer's, or None."""
    if not _overrides(sock, _OF_DATAGRAMS):
        return _core.DatagramTransport(loop, sock, protocol, address, waiter)
    _prepare(loop)
    return asyncio_transports._SelectorDatagramTransport(loop, sock, protocol, address, waiter)
