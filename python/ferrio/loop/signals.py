"""Handlers of signals: loop.add_signal_handler(), loop.remove_signal_handler().

The interpreter writes the number of a signal to the loop's signal pipe (see `running`). The loop reads it and
calls the handler.
"""

from __future__ import annotations

import errno
import signal
from asyncio import coroutines

from ferrio import _core
from ferrio.loop.coroutine_functions import is_coroutine_function
from ferrio.loop.running import drop_wakeup_descriptor, set_wakeup_descriptor

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ferrio.loop import Loop

__all__ = ("add_signal_handler", "remove_signal_handler")


def add_signal_handler(loop: Loop, sig: int, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
    """Make the loop call callback(*args) for a signal."""
    if coroutines.iscoroutine(callback) or is_coroutine_function(callback):
        raise TypeError("coroutines cannot be used with add_signal_handler()")
    _check_signal(sig)
    loop._check_closed()
    try:
        set_wakeup_descriptor(loop)
    except (ValueError, OSError) as error:
        raise RuntimeError(str(error)) from error
    loop._signal_handlers[sig] = _core.Handle(callback, args, loop, None)
    try:
        # The interpreter writes the number only if there is a handler in Python.
        signal.signal(sig, _do_nothing)
        # Slow system calls of other code continue.
        signal.siginterrupt(sig, False)
    except OSError as error:
        del loop._signal_handlers[sig]
        drop_wakeup_descriptor(loop)
        if error.errno == errno.EINVAL:
            raise RuntimeError(f"sig {sig} cannot be caught") from error
        raise


def remove_signal_handler(loop: Loop, sig: int) -> bool:
    """Restore the default handler of a signal. Return False if the loop had no handler for it."""
    _check_signal(sig)
    if loop._signal_handlers.pop(sig, None) is None:
        return False
    default = signal.default_int_handler if sig == signal.SIGINT else signal.SIG_DFL
    try:
        signal.signal(sig, default)
    except OSError as error:
        if error.errno == errno.EINVAL:
            raise RuntimeError(f"sig {sig} cannot be caught") from error
        raise
    drop_wakeup_descriptor(loop)
    return True


def _do_nothing(signum: int, frame: Any) -> None:
    """Do nothing: the loop learns of the signal by its wake-up descriptor."""


def _check_signal(sig: Any) -> None:
    if not isinstance(sig, int):
        raise TypeError(f"sig must be an int, not {sig!r}")
    if sig not in signal.valid_signals():
        raise ValueError(f"invalid signal number {sig}")
