"""Resolver: names and addresses of hosts, looked up in threads. loop.getaddrinfo(), loop.getnameinfo()."""

from __future__ import annotations

import os
import socket
from asyncio.log import logger

from ferrio.executor import Executor

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ferrio.loop import Loop

__all__ = ("getaddrinfo", "getnameinfo")

# The most lookups at the same time: the default number of threads in concurrent.futures.
_RESOLVER_THREADS = min(32, (os.cpu_count() or 1) + 4)

# With these flags, nothing is looked up.
_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


def _in_resolver(loop: Loop, func: Callable[..., Any], *args: Any) -> Any:
    """Call a function of the name service in a thread that is only for lookups."""
    loop._check_closed()
    if loop._resolver is None:
        loop._resolver = Executor(_RESOLVER_THREADS, "ferrio-resolver")
    return loop._resolver.call(loop, func, args)


def _may_be_literal(host: str) -> bool:
    return host[:1].isdigit() or ":" in host


async def getaddrinfo(
    loop: Loop, host: Any, port: Any, family: int, kind: int, proto: int, flags: int
) -> Any:
    """Return socket.getaddrinfo() without blocking the loop."""
    if not loop._debug and type(host) is str and type(port) is int and _may_be_literal(host):
        # The system answers for a literal address without a lookup.
        try:
            return socket.getaddrinfo(host, port, family, kind, proto, flags | _NUMERIC)
        except OSError:
            pass  # a name, or an error that the resolver has to report
    if loop._debug:
        return await _in_resolver(loop, _getaddrinfo_debug, loop, host, port, family, kind, proto, flags)
    return await _in_resolver(loop, socket.getaddrinfo, host, port, family, kind, proto, flags)


def _getaddrinfo_debug(
    loop: Loop, host: Any, port: Any, family: int, kind: int, proto: int, flags: int
) -> Any:
    question = [f"{host}:{port!r}"]
    question += [
        f"{name}={value!r}"
        for name, value in (("family", family), ("type", kind), ("proto", proto), ("flags", flags))
        if value
    ]
    asked = ", ".join(question)
    logger.debug("Get address info %s", asked)
    start = loop.time()
    infos = socket.getaddrinfo(host, port, family, kind, proto, flags)
    duration = loop.time() - start
    log = logger.info if duration >= loop.slow_callback_duration else logger.debug
    log("Getting address info %s took %.3fms: %r", asked, duration * 1e3, infos)
    return infos


async def getnameinfo(loop: Loop, sockaddr: Any, flags: int) -> Any:
    """Return socket.getnameinfo() without blocking the loop."""
    return await _in_resolver(loop, socket.getnameinfo, sockaddr, flags)
