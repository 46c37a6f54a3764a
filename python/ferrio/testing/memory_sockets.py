"""MemorySocket: what stands for a socket in the network in memory; and ports and errors of sockets."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

__all__ = ("MemorySocket", "port_number", "reset_error", "timeout_error")

_LAST_PORT = 65535


def port_number(port: Any) -> int:
    """Return the number of a port, or of a service's name. gaierror and OverflowError as of getaddrinfo()."""
    if port is None:
        return 0
    if isinstance(port, str | bytes):
        text = port.decode() if isinstance(port, bytes) else port
        try:
            number = int(text) if text.isdecimal() else socket.getservbyname(text)
        except OSError:
            raise socket.gaierror(socket.EAI_SERVICE, "Servname not supported for ai_socktype") from None
    elif isinstance(port, int):
        number = int(port)
    else:
        raise OSError("Int or String expected")
    if not 0 <= number <= _LAST_PORT:
        raise OverflowError("port must be 0-65535.")
    return number


def timeout_error() -> TimeoutError:
    """Return the error of a connection whose other end does not answer."""
    return TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))


def reset_error() -> ConnectionResetError:
    """Return the error of a connection that the other end has reset."""
    return ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))


class MemorySocket:
    """What stands for a socket: addresses and options, and no descriptor."""

    def __init__(self, sockname: Any, peername: Any = None, kind: int = socket.SOCK_STREAM) -> None:
        is_unix = not isinstance(sockname, tuple)
        of_internet = socket.AF_INET if len(sockname) == 2 else socket.AF_INET6
        self.family: socket.AddressFamily = socket.AF_UNIX if is_unix else of_internet
        self.type: socket.SocketKind = socket.SocketKind(kind)
        is_stream = kind == socket.SOCK_STREAM
        self.proto: int = 0 if is_unix else socket.IPPROTO_TCP if is_stream else socket.IPPROTO_UDP
        self._sockname, self._peername = sockname, peername
        self._options: dict[tuple[int, int], Any] = {}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} laddr={self._sockname!r}, raddr={self._peername!r}>"

    def getsockname(self) -> Any:
        """Return the own address."""
        return self._sockname

    def getpeername(self) -> Any:
        """Return the address of the other end. OSError for a listening socket."""
        if self._peername is None:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        return self._peername

    def setsockopt(self, level: int, option: int, value: Any, *_: Any) -> None:
        """Note an option; it changes nothing."""
        self._options[level, option] = value

    def getsockopt(self, level: int, option: int, _: int = 0) -> Any:
        """Return an option that was set, or 0."""
        return self._options.get((level, option), 0)

    def fileno(self) -> int:
        """Return -1: there is no descriptor."""
        return -1

    def listen(self, backlog: int) -> None:
        """Do nothing; the network knows who listens."""

    def close(self) -> None:
        """Do nothing; the transport or the server is what is closed."""
