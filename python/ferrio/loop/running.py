"""Running the loop: run_forever(), run_until_complete(), close(), and the pipe by which signals wake it.

While the main thread runs a loop, and while a loop has signal handlers, the interpreter's wake-up descriptor
(signal.set_wakeup_fd()) is the loop's. A run leaves a descriptor in place that somebody else has set, unless
it is closed. The loop notes when it has set its own: the interpreter tells of the current one only in
exchange for another, and then forgets its options. A closed loop leaves nothing behind, or the interpreter
would write into whatever file gets the number.
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

from ferrio import _core

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType
    from typing import Any

    from ferrio.loop import Loop

__all__ = (
    "before_run",
    "close",
    "coroutine_origin",
    "drop_wakeup_descriptor",
    "is_debug_mode",
    "reopen_signal_pipe",
    "run_forever",
    "run_until_complete",
    "session",
    "set_wakeup_descriptor",
    "track_coroutine_origins",
)

# The type stubs of asyncio.futures lack some names.
futures: Any = asyncio.futures

_RUN_ENDINGS = (SystemExit, KeyboardInterrupt)

# How many bytes are read from the signal pipe at a time; each signal is one byte. One page is more than
# arrives in an iteration, unless another process sends a flood of signals. The next iteration reads the rest.
_SIGNALS_AT_A_TIME = 4096

# asyncio's own, to notice that a program replaces it.
_run_once: Any = asyncio.BaseEventLoop._run_once  # type: ignore[attr-defined]

# Called before any loop runs; for those who watch the process.
before_run: list[Callable[[], None]] = []


def is_debug_mode() -> bool:
    """Return whether the environment or the interpreter's options enable debug mode."""
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
    for call in before_run:
        call()
    if asyncio.BaseEventLoop._run_once is not _run_once:  # type: ignore[attr-defined]
        _warn_of_replaced_run_once()
    track_coroutine_origins(loop, loop._debug)
    asyncgen_hooks = sys.get_asyncgen_hooks()
    is_interruptible = notes_owners = times_tasks = False
    try:
        if loop._debug or loop._detects_deadlock:
            loop._when_stuck(_look_for_deadlock)
            notes_owners = _core._note_owners(1) > 0
        if loop._debug:
            times_tasks = True
            loop._time_tasks(True)
        sys.set_asyncgen_hooks(
            firstiter=loop._asyncgen_firstiter_hook, finalizer=loop._asyncgen_finalizer_hook
        )
        _set_running_loop(loop)
        is_interruptible = _take_wakeup_descriptor(loop)
        yield
    finally:
        if is_interruptible:
            drop_wakeup_descriptor(loop)
        _set_running_loop(None)
        track_coroutine_origins(loop, False)
        if notes_owners:
            loop._when_stuck(None)
            _core._note_owners(-1)
        if times_tasks and not _is_looked_at():
            loop._time_tasks(False)
        sys.set_asyncgen_hooks(*asyncgen_hooks)


def _is_looked_at() -> bool:
    """Return whether somebody looks at the times of tasks, which ends by itself."""
    statistics = sys.modules.get("ferrio.inspection.statistics")
    return statistics is not None and statistics.is_looked_at()


def _look_for_deadlock(loop: Loop) -> None:
    """The loop is about to wait, and has nothing to wake it. DeadlockError if nothing else can either."""
    from ferrio.inspection.deadlocks import look

    look(loop, loop._detects_deadlock or "log")


def _warn_of_replaced_run_once() -> None:
    global _run_once
    _run_once = asyncio.BaseEventLoop._run_once  # type: ignore[attr-defined]
    warnings.warn(
        "asyncio.BaseEventLoop._run_once was replaced, and ferrio.Loop does not call it; "
        "asyncio.Handle._run may be replaced to see every callback",
        RuntimeWarning,
        stacklevel=2,
    )


def _set_running_loop(loop: Any) -> None:
    events._set_running_loop(loop)
    set_in_c = getattr(events, "_c__set_running_loop", None)
    if set_in_c is not None and set_in_c is not events._set_running_loop:
        # The program uses asyncio's Python versions of its functions; the current task needs the other ones.
        set_in_c(loop)


def run_until_complete(loop: Loop, future: Any) -> Any:
    """Run until a future is done. Return its result."""
    loop._check_closed()
    _check_running(loop)
    is_new = not futures.isfuture(future)
    future = asyncio_tasks.ensure_future(future, loop=loop)
    if is_new:
        # A loop that is stopped early raises an error. The task need not warn as well.
        future._log_destroy_pending = False
    future.add_done_callback(_run_until_complete_cb)
    try:
        loop.run_forever()
    except BaseException:
        if is_new and future.done() and not future.cancelled():
            # This function raises the exception, so the task need not report it.
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
        # The exception has ended the run of the loop already.
        return
    futures._get_loop(future).stop()


def track_coroutine_origins(loop: Loop, enabled: bool) -> None:
    """Turn the recording of coroutines' origins on or off, for debug mode."""
    enabled = bool(enabled)
    if enabled == loop._tracks_coroutine_origins:
        return
    if enabled:
        loop._origin_tracking_depth_before = sys.get_coroutine_origin_tracking_depth()
        sys.set_coroutine_origin_tracking_depth(asyncio.constants.DEBUG_STACK_DEPTH)
    else:
        sys.set_coroutine_origin_tracking_depth(loop._origin_tracking_depth_before)
    loop._tracks_coroutine_origins = enabled
    _core._note_origin_tracking(enabled)


def coroutine_origin() -> tuple[tuple[str, int, str], ...] | None:
    """Return cr_origin of a coroutine that is created now, or None if this thread does not track origins."""
    depth = sys.get_coroutine_origin_tracking_depth()
    if not depth:
        return None
    origin: list[tuple[str, int, str]] = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and len(origin) < depth:
        origin.append((frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
        frame = frame.f_back
    return tuple(origin)


def close(loop: Loop) -> None:
    """Close a loop that does not run."""
    if loop.is_running():
        raise RuntimeError("Cannot close a running event loop")
    if loop.is_closed():
        return
    if loop._debug:
        logger.debug("Close %r", loop)
    # Only the main thread can remove signal handlers. The rest is closed in any case.
    try:
        _remove_signal_handlers(loop)
    finally:
        _release(loop)


def _release(loop: Loop) -> None:
    """Release everything that a loop has."""
    loop._signal_handlers.clear()
    drop_wakeup_descriptor(loop)
    _drop_signal_pipe(loop)
    loop._close()
    loop._executor_shutdown_called = True
    executor, loop._default_executor, loop._own_executor = loop._default_executor, None, None
    if executor is not None:
        executor.shutdown(wait=False)
    resolver, loop._resolver = loop._resolver, None
    if resolver is not None:
        resolver.shutdown(wait=False, cancel_futures=True)


def _remove_signal_handlers(loop: Loop) -> None:
    """Restore the signal handlers; the loop is about to be closed."""
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


# The wake-up descriptor


def _open_signal_pipe(loop: Loop) -> int:
    """Return the end to which the interpreter should write."""
    if loop._signal_pipe is None:
        loop._signal_pipe = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        loop._set_internal(loop._signal_pipe[0])
        loop._add_reader(loop._signal_pipe[0], _read_signals, loop)
    return loop._signal_pipe[1]


# Descriptors of loops that were closed in another thread while the interpreter wrote to them. Only the main
# thread can clear them, so they stay open until it does.
_left: set[int] = set()


def set_wakeup_descriptor(loop: Loop) -> int:
    """Make the interpreter write signals' numbers to the loop. Return the descriptor before, or -1.

    ValueError in other threads than the main one.
    """
    mine = _open_signal_pipe(loop)
    before = signal.set_wakeup_fd(mine, warn_on_full_buffer=False)
    loop._has_wakeup_descriptor = True
    if before in _left:
        _left.discard(before)
        os.close(before)
        return -1
    return before


def drop_wakeup_descriptor(loop: Loop) -> None:
    """Stop the interpreter from writing to the loop, unless the loop still needs it."""
    if loop._signal_handlers or loop.is_running() or not loop._has_wakeup_descriptor:
        return
    try:
        current = signal.set_wakeup_fd(-1)
    except ValueError as error:
        logger.info("set_wakeup_fd(-1) failed: %s", error)
        return
    loop._has_wakeup_descriptor = False
    if current != _open_signal_pipe(loop):
        _restore(current)


def _restore(descriptor: int) -> bool:
    """Restore a wake-up descriptor of other code. Return False if it cannot be used any more."""
    try:
        signal.set_wakeup_fd(descriptor)
    except (ValueError, OSError):
        return False
    return True


def _take_wakeup_descriptor(loop: Loop) -> bool:
    """Let signals end the wait of the poller, whichever thread gets them from the kernel.

    Return whether drop_wakeup_descriptor() has to end that.

    A wake-up descriptor that the program has set stays. The poller is then interrupted as any system call.
    """
    if threading.get_ident() != threading.main_thread().ident:
        return False
    had = loop._has_wakeup_descriptor
    before = set_wakeup_descriptor(loop)
    if before not in (-1, _open_signal_pipe(loop)) and _restore(before):
        loop._has_wakeup_descriptor = had
    return True


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


def reopen_signal_pipe(loop: Loop) -> None:
    """Replace the pipe that is shared with the parent, in the child of a fork. The interpreter uses none."""
    loop._has_wakeup_descriptor = False
    _drop_signal_pipe(loop)
    if loop._signal_handlers:
        _open_signal_pipe(loop)


def _drop_signal_pipe(loop: Loop) -> None:
    pipe, loop._signal_pipe = loop._signal_pipe, None
    if pipe is None:
        return
    loop._remove_reader(pipe[0])
    os.close(pipe[0])
    if loop._has_wakeup_descriptor:
        _left.add(pipe[1])
        loop._has_wakeup_descriptor = False
    else:
        os.close(pipe[1])
