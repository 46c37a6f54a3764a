"""Running the loop: run_forever(), run_until_complete(), close(), and the pipe by which signals wake it up.

While the main thread runs a loop, and while a loop has signal handlers, the interpreter's wake-up descriptor
(signal.set_wakeup_fd()) is the loop's. A run leaves a descriptor in place that somebody else has set.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
import warnings
from asyncio import events
from asyncio import tasks as asyncio_tasks
from asyncio.log import logger

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from ferrio.loop import Loop

__all__ = (
    "before_run",
    "close",
    "drop_wakeup_descriptor",
    "is_debug_mode",
    "reopen_signal_pipe",
    "run_forever",
    "run_until_complete",
    "session",
    "signal_descriptor",
    "track_coroutine_origins",
)

# asyncio.futures has names that its type stubs do not.
futures: Any = asyncio.futures

_RUN_ENDINGS = (SystemExit, KeyboardInterrupt)

# Bytes read from the signal pipe at a time, one for each signal. One page: more than arrive in an iteration,
# unless somebody floods the process. Then the loop reads the rest in the next iteration.
_SIGNALS_AT_A_TIME = 4096

# Called before any loop runs; for those who watch the process.
before_run: Callable[[], None] | None = None


def is_debug_mode() -> bool:
    """Return whether the environment or the interpreter's options ask for debug mode."""
    return sys.flags.dev_mode or (
        not sys.flags.ignore_environment and bool(os.environ.get("PYTHONASYNCIODEBUG"))
    )


def _check_running(loop: Loop) -> None:
    if loop.is_running():
        raise RuntimeError("This event loop is already running")
    if events._get_running_loop() is not None:
        raise RuntimeError("Cannot run the event loop while another loop is running")


def run_forever(loop: Loop) -> None:
    """Run until the loop is stopped."""
    with session(loop):
        loop._run()


@contextlib.contextmanager
def session(loop: Loop) -> Iterator[None]:
    """Make the loop the one that runs in this thread.

    Signals end the wait of the poller meanwhile, whichever thread the kernel gives them to.

    RuntimeError for a closed loop, and where a loop runs already.
    """
    loop._check_closed()
    _check_running(loop)
    if before_run is not None:
        before_run()
    track_coroutine_origins(loop, loop._debug)
    asyncgen_hooks = sys.get_asyncgen_hooks()
    is_interruptible = False
    try:
        sys.set_asyncgen_hooks(
            firstiter=loop._asyncgen_firstiter_hook, finalizer=loop._asyncgen_finalizer_hook
        )
        _set_running_loop(loop)
        is_interruptible = _take_wakeup_descriptor(loop)
        yield
    finally:
        if is_interruptible:
            _give_wakeup_descriptor_back(loop)
        _set_running_loop(None)
        track_coroutine_origins(loop, False)
        sys.set_asyncgen_hooks(*asyncgen_hooks)


def _set_running_loop(loop: Any) -> None:
    events._set_running_loop(loop)
    set_in_c = getattr(events, "_c__set_running_loop", None)
    if set_in_c is not None and set_in_c is not events._set_running_loop:
        # Somebody uses asyncio's Python versions of its functions; the current task needs the other.
        set_in_c(loop)


def run_until_complete(loop: Loop, future: Any) -> Any:
    """Run until a future is done. Return its result."""
    loop._check_closed()
    _check_running(loop)
    is_new = not futures.isfuture(future)
    future = asyncio_tasks.ensure_future(future, loop=loop)
    if is_new:
        # Whoever stops the loop early gets an error; the task need not complain as well.
        future._log_destroy_pending = False
    future.add_done_callback(_run_until_complete_cb)
    try:
        loop.run_forever()
    except BaseException:
        if is_new and future.done() and not future.cancelled():
            # The exception comes out of here; nobody else can ask for it.
            future.exception()
        raise
    finally:
        future.remove_done_callback(_run_until_complete_cb)
    if not future.done():
        raise RuntimeError("Event loop stopped before Future completed.")
    return future.result()


def _run_until_complete_cb(future: Any) -> None:
    """Stop the loop when the future that it runs for is done."""
    if not future.cancelled() and isinstance(future.exception(), _RUN_ENDINGS):
        # The loop has been left by the exception already.
        return
    futures._get_loop(future).stop()


def track_coroutine_origins(loop: Loop, enabled: bool) -> None:
    """Have the interpreter record where coroutines are made, or no more; for debug mode."""
    enabled = bool(enabled)
    if enabled == loop._tracks_coroutine_origins:
        return
    if enabled:
        loop._origin_tracking_depth_before = sys.get_coroutine_origin_tracking_depth()
        sys.set_coroutine_origin_tracking_depth(asyncio.constants.DEBUG_STACK_DEPTH)
    else:
        sys.set_coroutine_origin_tracking_depth(loop._origin_tracking_depth_before)
    loop._tracks_coroutine_origins = enabled


def close(loop: Loop) -> None:
    """Close a loop that does not run."""
    if loop.is_running():
        raise RuntimeError("Cannot close a running event loop")
    if loop.is_closed():
        return
    if loop._debug:
        logger.debug("Close %r", loop)
    _close_signals(loop)
    loop._close()
    loop._executor_shutdown_called = True
    executor, loop._default_executor, loop._own_executor = loop._default_executor, None, None
    if executor is not None:
        executor.shutdown(wait=False)
    resolver, loop._resolver = loop._resolver, None
    if resolver is not None:
        resolver.shutdown(wait=False, cancel_futures=True)


def _close_signals(loop: Loop) -> None:
    """Give signals and their descriptors back; the loop is about to be closed."""
    if not sys.is_finalizing():
        for sig in list(loop._signal_handlers):
            loop.remove_signal_handler(sig)
    elif loop._signal_handlers:
        warnings.warn(
            f"Closing the loop {loop!r} on interpreter shutdown stage, skipping signal handlers removal",
            ResourceWarning,
            source=loop,
            stacklevel=2,
        )
        loop._signal_handlers.clear()
    _drop_signal_pipe(loop)


# The wake-up descriptor


def signal_descriptor(loop: Loop) -> int:
    """Return the descriptor that the interpreter is to write signals' numbers to."""
    if loop._signal_pipe is None:
        loop._signal_pipe = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        loop._set_internal(loop._signal_pipe[0])
        loop._add_reader(loop._signal_pipe[0], _read_signals, loop)
    return loop._signal_pipe[1]


def _take_wakeup_descriptor(loop: Loop) -> bool:
    """Have the interpreter wake the loop up for signals; return whether that is to be undone after the run.

    Somebody else's wake-up descriptor is left in place: the poller is then interrupted as any
    system call is.
    """
    if threading.get_ident() != threading.main_thread().ident:
        return False
    mine = signal_descriptor(loop)
    before = signal.set_wakeup_fd(mine, warn_on_full_buffer=False)
    if before not in (-1, mine):
        signal.set_wakeup_fd(before)
    return before == -1


def _give_wakeup_descriptor_back(loop: Loop) -> None:
    if loop._signal_handlers or loop._signal_pipe is None:
        return
    current = signal.set_wakeup_fd(-1)
    if current != loop._signal_pipe[1]:
        signal.set_wakeup_fd(current)


def _read_signals(loop: Loop) -> None:
    assert loop._signal_pipe is not None
    try:
        numbers = os.read(loop._signal_pipe[0], _SIGNALS_AT_A_TIME)
    except (BlockingIOError, InterruptedError):
        return
    for number in numbers:
        handle = loop._signal_handlers.get(number)
        if handle is None:
            continue
        if handle.cancelled():
            loop.remove_signal_handler(number)
        else:
            loop._add_callback(handle)


def drop_wakeup_descriptor(loop: Loop) -> None:
    """Take the interpreter's wake-up descriptor back, unless the loop still needs it."""
    if loop._signal_handlers or loop.is_running():
        return
    try:
        signal.set_wakeup_fd(-1)
    except (ValueError, OSError) as error:
        logger.info("set_wakeup_fd(-1) failed: %s", error)


def reopen_signal_pipe(loop: Loop) -> None:
    """Share no pipe with the parent any more, in the child of a fork."""
    _drop_signal_pipe(loop)
    if loop._signal_handlers:
        signal_descriptor(loop)


def _drop_signal_pipe(loop: Loop) -> None:
    pipe, loop._signal_pipe = loop._signal_pipe, None
    if pipe is not None:
        loop._remove_reader(pipe[0])
        os.close(pipe[0])
        os.close(pipe[1])
