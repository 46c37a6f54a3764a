"""Loop: the event loop of Unix systems, with signals and Unix sockets."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import os
import signal
import sys
import threading
import warnings
import weakref
from asyncio import coroutines
from asyncio.log import logger
from collections.abc import Callable, Iterator

from ferrio import _core, on_demand
from ferrio.base_events import BaseLoop, _iscoroutinefunction

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ferrio.base_subprocess import SubprocessMixin
    from ferrio.connection import ConnectionMixin
    from ferrio.datagram import DatagramMixin
    from ferrio.pipes import PipeMixin
    from ferrio.selector_events import SocketOperationsMixin
    from ferrio.sendfile import SendfileMixin
    from ferrio.server import ServerMixin
    from ferrio.tls import TlsMixin

    class _Base(  # type: ignore[misc]  # the mixins' signatures are wider than the type stubs'
        ServerMixin,
        ConnectionMixin,
        DatagramMixin,
        PipeMixin,
        SendfileMixin,
        SocketOperationsMixin,
        SubprocessMixin,
        TlsMixin,
        BaseLoop,
    ):
        """What a loop has; the methods of the mixins are provided on demand, see below."""

else:
    _Base = BaseLoop

__all__ = ("Loop",)

# `import ferrio as asyncio`: what is not here is asyncio's.
__getattr__ = functools.partial(getattr, asyncio.unix_events)

# Signal numbers taken from the wake-up descriptor at a time; there are fewer than that.
_SIGNALS_AT_A_TIME = 4096

# The loops that are alive, for the child of a fork.
_loops: weakref.WeakSet[Loop] = weakref.WeakSet()


class Loop(_Base):
    """Ferrio's event loop; it has the contract of asyncio.AbstractEventLoop."""

    __slots__ = ("_signal_handlers", "_signal_pipe")

    def __init__(self, selector: Any = None) -> None:
        """Make a loop. selector: not used; for programs that pass one to asyncio.SelectorEventLoop."""
        super().__init__()
        self._signal_handlers: dict[int, Any] = {}
        # The interpreter writes the numbers of signals into the second; the loop reads the first.
        self._signal_pipe: tuple[int, int] | None = None
        _loops.add(self)

    def _after_fork(self) -> None:
        """Share nothing with the parent any more: the poller, the signals' pipe, the threads of executors."""
        if self.is_closed():
            return
        self._reopen_after_fork()
        self._forget_threads()
        self._drop_signal_pipe()
        if self._signal_handlers:
            self._signal_descriptor()

    # Signals

    def _signal_descriptor(self) -> int:
        """Return the descriptor that the interpreter is to write signals' numbers to."""
        if self._signal_pipe is None:
            self._signal_pipe = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
            self._set_internal(self._signal_pipe[0])
            self._add_reader(self._signal_pipe[0], self._read_signals)
        return self._signal_pipe[1]

    @contextlib.contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Have signals end the wait of the poller, whichever thread the kernel gives them to.

        Somebody else's wake-up descriptor is left in place: the poller is then interrupted as any
        system call is.
        """
        if threading.get_ident() != threading.main_thread().ident:
            yield
            return
        mine = self._signal_descriptor()
        before = signal.set_wakeup_fd(mine, warn_on_full_buffer=False)
        if before not in (-1, mine):
            signal.set_wakeup_fd(before)
        try:
            yield
        finally:
            if before == -1 and not self._signal_handlers:
                current = signal.set_wakeup_fd(-1)
                if current != mine:
                    signal.set_wakeup_fd(current)

    def _read_signals(self) -> None:
        assert self._signal_pipe is not None
        try:
            numbers = os.read(self._signal_pipe[0], _SIGNALS_AT_A_TIME)
        except (BlockingIOError, InterruptedError):
            return
        for number in numbers:
            handle = self._signal_handlers.get(number)
            if handle is None:
                continue
            if handle.cancelled():
                self.remove_signal_handler(number)
            else:
                self._add_callback(handle)

    def add_signal_handler(  # type: ignore[override]
        self, sig: int, callback: Callable[..., object], *args: Any
    ) -> None:
        """Have the loop call callback(*args) for a signal.

        ValueError for what is not a signal, RuntimeError off the main thread and for signals that can't
        be caught.
        """
        if coroutines.iscoroutine(callback) or _iscoroutinefunction(callback):
            raise TypeError("coroutines cannot be used with add_signal_handler()")
        _check_signal(sig)
        self._check_closed()
        try:
            signal.set_wakeup_fd(self._signal_descriptor(), warn_on_full_buffer=False)
        except (ValueError, OSError) as error:
            raise RuntimeError(str(error)) from error
        self._signal_handlers[sig] = _core.Handle(callback, args, self, None)
        try:
            # Without a handler in Python the number is not written.
            signal.signal(sig, _do_nothing)
            # Slow system calls of other code go on.
            signal.siginterrupt(sig, False)
        except OSError as error:
            del self._signal_handlers[sig]
            self._drop_wakeup_descriptor()
            if error.errno == errno.EINVAL:
                raise RuntimeError(f"sig {sig} cannot be caught") from error
            raise

    def remove_signal_handler(self, sig: int) -> bool:
        """Give a signal back its default handler. Return False if it had none of the loop's."""
        _check_signal(sig)
        if self._signal_handlers.pop(sig, None) is None:
            return False
        default = signal.default_int_handler if sig == signal.SIGINT else signal.SIG_DFL
        try:
            signal.signal(sig, default)
        except OSError as error:
            if error.errno == errno.EINVAL:
                raise RuntimeError(f"sig {sig} cannot be caught") from error
            raise
        self._drop_wakeup_descriptor()
        return True

    def _drop_wakeup_descriptor(self) -> None:
        if self._signal_handlers or self.is_running():
            return
        try:
            signal.set_wakeup_fd(-1)
        except (ValueError, OSError) as error:
            logger.info("set_wakeup_fd(-1) failed: %s", error)

    def _close_files(self) -> None:
        """Give signals and descriptors back; the loop is about to be closed."""
        if not sys.is_finalizing():
            for sig in list(self._signal_handlers):
                self.remove_signal_handler(sig)
        elif self._signal_handlers:
            warnings.warn(
                f"Closing the loop {self!r} on interpreter shutdown stage, skipping signal handlers removal",
                ResourceWarning,
                source=self,
                stacklevel=2,
            )
            self._signal_handlers.clear()
        self._drop_signal_pipe()

    def _drop_signal_pipe(self) -> None:
        pipe, self._signal_pipe = self._signal_pipe, None
        if pipe is not None:
            self._remove_reader(pipe[0])
            os.close(pipe[0])
            os.close(pipe[1])


# What a loop has beside, each imported when it is first used.
on_demand.provide(Loop, "ferrio.server", "ServerMixin", "create_server", "create_unix_server")
on_demand.provide(
    Loop,
    "ferrio.connection",
    "ConnectionMixin",
    "create_connection",
    "create_unix_connection",
    "connect_accepted_socket",
)
on_demand.provide(Loop, "ferrio.datagram", "DatagramMixin", "create_datagram_endpoint")
on_demand.provide(Loop, "ferrio.pipes", "PipeMixin", "connect_read_pipe", "connect_write_pipe")
on_demand.provide(Loop, "ferrio.sendfile", "SendfileMixin", "sendfile", "sock_sendfile")
on_demand.provide(
    Loop,
    "ferrio.selector_events",
    "SocketOperationsMixin",
    "sock_recvfrom",
    "sock_recvfrom_into",
    "sock_sendto",
    "sock_connect",
    # What the base class's methods go on with when a socket is not ready.
    "_sock_recv",
    "_sock_recv_into",
    "_sock_sendall",
    "_sock_accept",
)
on_demand.provide(Loop, "ferrio.base_subprocess", "SubprocessMixin", "subprocess_shell", "subprocess_exec")
on_demand.provide(Loop, "ferrio.tls", "TlsMixin", "start_tls")


def _after_fork_in_child() -> None:
    """Part from the parent's loops; one that the child goes on using is its own."""
    try:
        # Else a signal of the child's would be read by the parent.
        signal.set_wakeup_fd(-1)
    except ValueError:
        pass  # forked off the main thread of a subinterpreter
    for loop in list(_loops):
        loop._after_fork()


def _before_fork() -> None:
    """Send what waits, or the child would send it again."""
    for loop in list(_loops):
        loop._run_postponed()


os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)


def _do_nothing(signum: int, frame: Any) -> None:
    """Handle a signal that the loop learns of by its wake-up descriptor."""


def _check_signal(sig: Any) -> None:
    if not isinstance(sig, int):
        raise TypeError(f"sig must be an int, not {sig!r}")
    if sig not in signal.valid_signals():
        raise ValueError(f"invalid signal number {sig}")
