"""Loop: Ferrio's event loop.

Every method of the loop is here or in the base class `_core.Loop`, which has the hot ones in Rust. The class
owns the loop's state. The modules beside this one have the bodies of the methods, one subject in each. Three
methods for datagrams have their bodies here, because one more coroutine would cost a tenth of their time.

A method imports its module when it is called. So a program does not wait at its start for what it does not
use. Two modules are imported at once: `running`, because every program runs its loop, and `exceptions`,
because an exception may have to be reported at the end of the interpreter, when imports fail.

This file has more than 400 lines because the signatures of asyncio's loop are long, and belong together.

Only the loop's own thread may call its methods, except call_soon_threadsafe().
"""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
import socket
import subprocess
import warnings
import weakref

from ferrio import _core, versions
from ferrio.loop import exceptions, running

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from typing import Any

    from ferrio.loop import connections, executors, resolver, sockets
    from ferrio.server import Server

__all__ = ("Loop",)

# Methods that a program may call for each connection, datagram or call in a thread use their modules by these
# names, because an import statement costs thousands of instructions each time. The import of a module binds
# its name in its package, which is here. So each of these is None until _import() is called for it.
if not TYPE_CHECKING:
    connections = executors = resolver = sockets = None

# The loops that are alive, for the child of a fork and for `ps`.
_loops: weakref.WeakSet[Loop] = weakref.WeakSet()


_INSIDE = "what changes the inside of asyncio's loop needs that loop: ferrio.uninstall(), or a loop factory"


class _Absent:
    """A part of asyncio's loop that Ferrio's does not have. Its use raises an error with the reason."""

    def __init__(self, instead: str) -> None:
        self._instead = instead

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, loop: Any, owner: Any = None) -> Any:
        raise AttributeError(f"ferrio.Loop has no {self._name}: {self._instead}", name=self._name, obj=loop)

    def __set__(self, loop: Any, value: Any) -> None:
        self.__get__(loop)


class Loop(_core.Loop, asyncio.AbstractEventLoop):  # type: ignore[misc]
    """Ferrio's event loop; it has the contract of asyncio.AbstractEventLoop."""

    # An instance also has a dict, for attributes that the program sets. The interpreter creates it for the
    # first of them. Until then, it finds methods without a look into a dict.
    __slots__ = (
        "_asyncgens",
        "_asyncgens_shutdown_called",
        "_default_executor",
        "_detects_deadlock",
        "_exception_handler",
        "_executor_shutdown_called",
        "_has_wakeup_descriptor",
        "_origin_tracking_depth_before",
        "_own_executor",
        "_resolver",
        "_signal_handlers",
        "_signal_pipe",
        "_tracks_coroutine_origins",
    )

    _selector = _Absent(f"add_reader() and add_writer() watch descriptors, time() may be replaced; {_INSIDE}")
    _ready = _Absent(f"call_soon() and call_soon_threadsafe() may be replaced; {_INSIDE}")
    _scheduled = _Absent(f"call_later() and call_at() may be replaced; {_INSIDE}")
    _run_once = _Absent(f"run_forever() may be overridden; {_INSIDE}")
    _process_events = _Absent(_INSIDE)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if issubclass(cls, asyncio.BaseEventLoop):
            raise TypeError(f"{cls.__name__} mixes asyncio.BaseEventLoop into ferrio.Loop: {_INSIDE}")

    def __init__(self, selector: Any = None) -> None:
        """Create a loop.

        selector: not used; for programs that pass one to asyncio.SelectorEventLoop.
        """
        super().__init__()
        self._default_executor: Any = None
        # The executor that the loop has created, if it is still the default.
        self._own_executor: Any = None
        self._executor_shutdown_called = False
        # The executor for name lookups.
        self._resolver: Any = None
        self._exception_handler: Any = None
        # What a deadlock does: True and "always" raise, "log" is for debug mode. See ferrio.run().
        self._detects_deadlock: Any = False
        self._asyncgens: Any = weakref.WeakSet()
        self._asyncgens_shutdown_called = False
        self._tracks_coroutine_origins = False
        self._origin_tracking_depth_before = 0
        self._signal_handlers: dict[int, _core.Handle] = {}
        # The interpreter writes the numbers of signals to the second; the loop reads from the first.
        self._signal_pipe: tuple[int, int] | None = None
        # Whether the loop has told the interpreter to do so, and has not taken that back.
        self._has_wakeup_descriptor = False
        self.set_debug(running.is_debug_mode())
        _loops.add(self)

    def __repr__(self) -> str:
        return (
            f"<{self.__class__.__name__} running={self.is_running()} "
            f"closed={self.is_closed()} debug={self.get_debug()}>"
        )

    def __del__(self, _warn: Any = warnings.warn) -> None:
        if not self.is_closed():
            _warn(f"unclosed event loop {self!r}", ResourceWarning, source=self)
            if not self.is_running():
                self.close()

    # Running

    def run_forever(self) -> None:
        """Run until stop() is called."""
        running.run_forever(self)

    def run_until_complete(self, future: Any) -> Any:
        """Run until a future is done. A coroutine becomes a task. Return the result.

        RuntimeError if the loop is stopped before the future is done.
        """
        return running.run_until_complete(self, future)

    def close(self) -> None:
        """Close the loop: drop everything queued, close descriptors. RuntimeError while it runs."""
        running.close(self)

    def set_debug(self, enabled: bool) -> None:
        """Turn debug mode on or off."""
        self._set_debug(enabled)
        if self.is_running():
            self.call_soon_threadsafe(running.track_coroutine_origins, self, enabled)

    # Exceptions

    def get_exception_handler(self) -> Any:
        """Return the exception handler, or None for the default one."""
        return self._exception_handler

    def set_exception_handler(self, handler: Any) -> None:
        """Set the callable for unhandled exceptions, called with (loop, context); None for the default."""
        if handler is not None and not callable(handler):
            raise TypeError(f"A callable object or None is expected, got {handler!r}")
        self._exception_handler = handler

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Log an unhandled exception and its context."""
        exceptions.default_exception_handler(self, context)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Call the exception handler with a context: message, exception, future, task, handle..."""
        exceptions.call_exception_handler(self, context)

    # Asynchronous generators

    # The interpreter calls these two for every generator, so their bodies are here.
    def _asyncgen_firstiter_hook(self, agen: AsyncGenerator[Any, Any]) -> None:
        if self._asyncgens_shutdown_called:
            warnings.warn(
                f"asynchronous generator {agen!r} was scheduled after loop.shutdown_asyncgens() call",
                ResourceWarning,
                source=self,
                stacklevel=2,
            )
        self._asyncgens.add(agen)

    def _asyncgen_finalizer_hook(self, agen: AsyncGenerator[Any, Any]) -> None:
        self._asyncgens.discard(agen)
        if not self.is_closed():
            self.call_soon_threadsafe(self.create_task, agen.aclose())

    async def shutdown_asyncgens(self) -> None:
        """Close every asynchronous generator that is still open."""
        self._asyncgens_shutdown_called = True
        # asyncio.run() calls this for every program, and few programs have any left.
        if self._asyncgens:
            from ferrio.loop.async_generators import close_all

            await close_all(self)

    # Executors

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> Any:
        """Call func(*args) in an executor, by default a thread pool. Return a future."""
        if executors is None:
            _import("executors")
        return executors.run_in_executor(self, executor, func, args)

    def _answer_of(self, submitted: Any, func: Callable[..., Any]) -> Any:
        """Return a future of the loop for what an executor's submit(func) has returned."""
        return _core.wrap_future(submitted, loop=self)

    def set_default_executor(self, executor: Any) -> None:
        """Set the executor that run_in_executor(None, ...) uses. TypeError unless it is a thread pool."""
        from ferrio.loop.executors import set_default_executor

        set_default_executor(self, executor)

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Wait until the default executor's threads have ended, for at most timeout seconds."""
        self._executor_shutdown_called = True
        # asyncio.run() calls this for every program, and few programs have an executor.
        if self._default_executor is not None:
            from ferrio.loop.executors import join_default_executor
            from ferrio.loop.frames.asyncio import base_events

            await base_events.shutdown_default_executor(join_default_executor(self, timeout))

    # Names

    async def getaddrinfo(
        self, host: Any, port: Any, *, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
    ) -> Any:
        """Return socket.getaddrinfo() without blocking the loop."""
        if resolver is None:
            _import("resolver")
        return await resolver.getaddrinfo(self, host, port, family, type, proto, flags)

    async def getnameinfo(self, sockaddr: Any, flags: int = 0) -> Any:
        """Return socket.getnameinfo() without blocking the loop."""
        if resolver is None:
            _import("resolver")
        return await resolver.getnameinfo(self, sockaddr, flags)

    # Signals

    def add_signal_handler(  # type: ignore[override]
        self, sig: int, callback: Callable[..., object], *args: Any
    ) -> None:
        """Make the loop call callback(*args) for a signal.

        ValueError for a number that is not a signal's. RuntimeError in other threads than the main one, and
        for signals that cannot be caught.
        """
        from ferrio.loop.signals import add_signal_handler

        add_signal_handler(self, sig, callback, args)

    def remove_signal_handler(self, sig: int) -> bool:
        """Restore the default handler of a signal. Return False if the loop had no handler for it."""
        from ferrio.loop.signals import remove_signal_handler

        return remove_signal_handler(self, sig)

    # Servers

    async def create_server(
        self,
        protocol_factory: Any,
        host: Any = None,
        port: Any = None,
        *,
        family: int = socket.AF_UNSPEC,
        flags: int = socket.AI_PASSIVE,
        sock: Any = None,
        backlog: int = 100,
        ssl: Any = None,
        reuse_address: bool | None = None,
        reuse_port: bool | None = None,
        keep_alive: bool | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        start_serving: bool = True,
    ) -> Server:
        """Listen on TCP addresses; see asyncio's loop.create_server().

        host: a name, a sequence of names, or None for every interface.
        backlog: how many connections the kernel keeps waiting.

        Timeouts are in seconds. OSError if no address can be bound.
        """
        from ferrio.loop.servers import create_server

        return await create_server(
            self,
            protocol_factory,
            host,
            port,
            family=family,
            flags=flags,
            sock=sock,
            backlog=backlog,
            ssl=ssl,
            reuse_address=reuse_address,
            reuse_port=reuse_port,
            keep_alive=keep_alive,
            ssl_handshake_timeout=ssl_handshake_timeout,
            ssl_shutdown_timeout=ssl_shutdown_timeout,
            start_serving=start_serving,
        )

    async def create_unix_server(
        self,
        protocol_factory: Any,
        path: Any = None,
        *,
        sock: Any = None,
        backlog: int = 100,
        ssl: Any = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        start_serving: bool = True,
        cleanup_socket: bool = versions.UNIX_SERVERS_REMOVE_THEIR_PATH,
    ) -> Server:
        """Listen on a Unix socket; see asyncio's loop.create_unix_server(). Timeouts in seconds."""
        from ferrio.loop.frames.asyncio import unix_events
        from ferrio.loop.servers import create_unix_server

        work = create_unix_server(
            self,
            protocol_factory,
            path,
            sock=sock,
            backlog=backlog,
            ssl=ssl,
            ssl_handshake_timeout=ssl_handshake_timeout,
            ssl_shutdown_timeout=ssl_shutdown_timeout,
            start_serving=start_serving,
            cleanup_socket=cleanup_socket,
        )
        return await unix_events.create_unix_server(work)

    # Connections

    async def create_connection(
        self,
        protocol_factory: Any,
        host: Any = None,
        port: Any = None,
        *,
        ssl: Any = None,
        family: int = 0,
        proto: int = 0,
        flags: int = 0,
        sock: Any = None,
        local_addr: Any = None,
        server_hostname: str | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        happy_eyeballs_delay: float | None = None,
        interleave: int | None = None,
        all_errors: bool = False,
    ) -> Any:
        """Connect to a TCP address. Return (transport, protocol); see asyncio's loop.create_connection().

        Delays and timeouts in seconds. OSError if no address answers; with all_errors, an ExceptionGroup of
        all failures.
        """
        if connections is None:
            _import("connections")
        return await connections.create_connection(
            self,
            protocol_factory,
            host,
            port,
            ssl=ssl,
            family=family,
            proto=proto,
            flags=flags,
            sock=sock,
            local_addr=local_addr,
            server_hostname=server_hostname,
            ssl_handshake_timeout=ssl_handshake_timeout,
            ssl_shutdown_timeout=ssl_shutdown_timeout,
            happy_eyeballs_delay=happy_eyeballs_delay,
            interleave=interleave,
            all_errors=all_errors,
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
        """Connect to a Unix socket. Return (transport, protocol). Timeouts in seconds."""
        if connections is None:
            _import("connections")
        return await connections.create_unix_connection(
            self,
            protocol_factory,
            path,
            ssl=ssl,
            sock=sock,
            server_hostname=server_hostname,
            ssl_handshake_timeout=ssl_handshake_timeout,
            ssl_shutdown_timeout=ssl_shutdown_timeout,
        )

    async def connect_accepted_socket(
        self,
        protocol_factory: Any,
        sock: Any,
        *,
        ssl: Any = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
    ) -> Any:
        """Serve a connection that was accepted elsewhere. Return (transport, protocol)."""
        if connections is None:
            _import("connections")
        return await connections.connect_accepted_socket(
            self,
            protocol_factory,
            sock,
            ssl=ssl,
            ssl_handshake_timeout=ssl_handshake_timeout,
            ssl_shutdown_timeout=ssl_shutdown_timeout,
        )

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
        """Encrypt an open connection. Return the transport to use from now on.

        TypeError for an object that is not an ssl.SSLContext, and for transports that cannot be upgraded.
        RuntimeError while another start_tls() of the same transport is in progress, ConnectionResetError for
        a transport that is lost. asyncio's would never end in these two cases.
        """
        from ferrio.loop.tls import start_tls

        return await start_tls(
            self,
            transport,
            protocol,
            sslcontext,
            server_side=server_side,
            server_hostname=server_hostname,
            ssl_handshake_timeout=ssl_handshake_timeout,
            ssl_shutdown_timeout=ssl_shutdown_timeout,
        )

    # Datagrams

    async def create_datagram_endpoint(  # type: ignore[override]  # asyncio's takes reuse_address no more
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
        """Create a datagram endpoint. Return (transport, protocol). See asyncio's method of this name."""
        from ferrio.loop.datagrams import create_datagram_endpoint

        return await create_datagram_endpoint(
            self,
            protocol_factory,
            local_addr,
            remote_addr,
            family=family,
            proto=proto,
            flags=flags,
            reuse_port=reuse_port,
            allow_broadcast=allow_broadcast,
            sock=sock,
        )

    # Pipes

    async def connect_read_pipe(self, protocol_factory: Any, pipe: Any) -> Any:
        """Read from a pipe, which the transport then owns. Return (transport, protocol)."""
        from ferrio.loop.pipes import connect_read_pipe

        return await connect_read_pipe(self, protocol_factory, pipe)

    async def connect_write_pipe(self, protocol_factory: Any, pipe: Any) -> Any:
        """Write to a pipe, which the transport then owns. Return (transport, protocol)."""
        from ferrio.loop.pipes import connect_write_pipe

        return await connect_write_pipe(self, protocol_factory, pipe)

    # Files

    async def sendfile(
        self, transport: Any, file: Any, offset: int = 0, count: int | None = None, *, fallback: bool = True
    ) -> int:
        """Send a regular file opened in binary mode through a transport. Return the number of bytes.

        offset and count in bytes. RuntimeError for transports that cannot send files, and if the kernel
        cannot and fallback is False.
        """
        from ferrio.loop.frames.asyncio import base_events
        from ferrio.loop.sendfile import sendfile

        return await base_events.sendfile(sendfile(self, transport, file, offset, count, fallback))

    async def sock_sendfile(
        self, sock: Any, file: Any, offset: int = 0, count: int | None = None, *, fallback: bool | None = True
    ) -> int:
        """Send a regular file opened in binary mode through a socket. Return the number of bytes."""
        from ferrio.loop.sendfile import sock_sendfile

        return await sock_sendfile(self, sock, file, offset, count, fallback)

    # Sockets

    async def sock_recvfrom(self, sock: Any, bufsize: int) -> Any:
        """Receive a datagram of up to bufsize bytes. Return it with its sender."""
        if sockets is None:
            _import("sockets")
        sockets.check_socket(self, sock)
        try:
            return sock.recvfrom(bufsize)
        except sockets.NOT_READY:
            return await sockets.when_readable(self, sock, lambda: sock.recvfrom(bufsize))

    async def sock_recvfrom_into(self, sock: Any, buf: Any, nbytes: int = 0) -> Any:
        """Receive a datagram into a buffer. Return its length and its sender."""
        if sockets is None:
            _import("sockets")
        sockets.check_socket(self, sock)
        nbytes = nbytes or len(buf)
        try:
            return sock.recvfrom_into(buf, nbytes)
        except sockets.NOT_READY:
            return await sockets.when_readable(self, sock, lambda: sock.recvfrom_into(buf, nbytes))

    async def sock_sendto(self, sock: Any, data: Any, address: Any) -> int:
        """Send a datagram to an address. Return how many bytes were sent."""
        if sockets is None:
            _import("sockets")
        sockets.check_socket(self, sock)
        try:
            count: int = sock.sendto(data, address)
        except sockets.NOT_READY:
            count = await sockets.when_writable(self, sock, lambda: sock.sendto(data, 0, address))
        return count

    async def sock_connect(self, sock: Any, address: Any) -> None:
        """Connect a socket."""
        if sockets is None:
            _import("sockets")
        await sockets.sock_connect(self, sock, address)

    # The base class has sock_recv(), sock_recv_into(), sock_sendall() and sock_accept() for sockets of the
    # interpreter's own class. For other sockets, it calls these four.

    async def _sock_recv(self, sock: Any, nbytes: int) -> bytes:
        if sockets is None:
            _import("sockets")
        return await sockets.sock_recv(self, sock, nbytes)

    async def _sock_recv_into(self, sock: Any, buf: Any) -> int:
        if sockets is None:
            _import("sockets")
        return await sockets.sock_recv_into(self, sock, buf)

    async def _sock_sendall(self, sock: Any, data: Any) -> None:
        if sockets is None:
            _import("sockets")
        await sockets.sock_sendall(self, sock, data)

    async def _sock_accept(self, sock: Any) -> Any:
        if sockets is None:
            _import("sockets")
        return await sockets.sock_accept(self, sock)

    # Subprocesses

    async def subprocess_shell(
        self,
        protocol_factory: Any,
        cmd: Any,
        *,
        stdin: Any = subprocess.PIPE,
        stdout: Any = subprocess.PIPE,
        stderr: Any = subprocess.PIPE,
        universal_newlines: bool = False,
        shell: bool = True,
        bufsize: int = 0,
        encoding: Any = None,
        errors: Any = None,
        text: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Run a command line. Return (transport, protocol). Further keywords go to subprocess.Popen."""
        from ferrio.loop.frames.asyncio import base_events
        from ferrio.loop.subprocesses import check_binary, subprocess_shell

        if not isinstance(cmd, (bytes, str)):
            raise ValueError("cmd must be a string")
        if not shell:
            raise ValueError("shell must be True")
        check_binary(universal_newlines, bufsize, encoding, errors, text)
        work = subprocess_shell(self, protocol_factory, cmd, stdin, stdout, stderr, kwargs)
        return await base_events.subprocess_shell(work)

    async def subprocess_exec(
        self,
        protocol_factory: Any,
        program: Any,
        *args: Any,
        stdin: Any = subprocess.PIPE,
        stdout: Any = subprocess.PIPE,
        stderr: Any = subprocess.PIPE,
        universal_newlines: bool = False,
        shell: bool = False,
        bufsize: int = 0,
        encoding: Any = None,
        errors: Any = None,
        text: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Run a program. Return (transport, protocol). Further keywords go to subprocess.Popen."""
        from ferrio.loop.frames.asyncio import base_events
        from ferrio.loop.subprocesses import check_binary, subprocess_exec

        if shell:
            raise ValueError("shell must be False")
        check_binary(universal_newlines, bufsize, encoding, errors, text)
        work = subprocess_exec(self, protocol_factory, (program, *args), stdin, stdout, stderr, kwargs)
        return await base_events.subprocess_exec(work)


def is_any_running() -> bool:
    """Return whether a loop runs in any thread. Any thread may ask."""
    return bool(running_loops())


def running_loops() -> list[Loop]:
    """Return the loops that run, in any thread. Any thread may ask."""
    return [loop for loop in living_loops() if loop.is_running()]


def living_loops() -> list[Loop]:
    """Return the loops that are not closed. Any thread may ask."""
    # A WeakSet can't be iterated while other threads add to it; its set of references is copied at once.
    references: set[weakref.ref[Loop]] = _loops.data  # type: ignore[attr-defined]
    loops = [reference() for reference in list(references)]
    return [loop for loop in loops if loop is not None and not loop.is_closed()]


def _import(name: str) -> None:
    """Import a module of this package, which binds its name here."""
    importlib.import_module(f"ferrio.loop.{name}")


def _before_fork() -> None:
    """Send delayed writes, because the child would send them again."""
    for loop in list(_loops):
        loop._run_end_of_iteration()


def _after_fork_in_child() -> None:
    """Separate from the parent's loops. A loop that the child continues to use becomes its own."""
    try:
        # Otherwise the parent would read the child's signals.
        signal.set_wakeup_fd(-1)
    except ValueError:
        pass  # forked off the main thread of a subinterpreter
    for loop in list(_loops):
        if loop.is_closed():
            continue
        loop._reopen_after_fork()
        if loop._own_executor is not None or loop._resolver is not None:
            from ferrio.loop.executors import forget_threads

            forget_threads(loop)
        running.reopen_signal_pipe(loop)


os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)

# As asyncio's, which have no annotations: help() and inspect.signature() show the same. The qualified names
# are in argument errors, and in "coroutine 'BaseEventLoop.create_server' was never awaited". Programs filter
# such warnings.
for _name, _method in list(vars(Loop).items()):
    if isinstance(_method, type(_import)):
        _method.__annotations__ = {}
        # What _sock_recv() and its like return belongs to sock_recv().
        _public = _name.lstrip("_") if _name.startswith("_sock_") else _name
        _theirs = getattr(asyncio.unix_events._UnixSelectorEventLoop, _public, _method)
        _method.__qualname__ = getattr(_theirs, "__qualname__", _method.__qualname__)
del _name, _method, _public, _theirs
