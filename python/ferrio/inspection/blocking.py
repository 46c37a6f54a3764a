"""Telling what blocks a loop, while it blocks it.

A thread looks at the running loops at short intervals. A loop counts its callbacks anyway; one that is in the
same callback for too long is blocked. The loop itself does nothing for this.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
import traceback
import weakref
from collections.abc import Callable

from ferrio.loop import running, running_loops

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

    from ferrio.loop import Loop

__all__ = ("stack_of", "watch_blocking", "watch_by_environment")

# How many looks there are in the time that a callback may take. The report comes late by one of them at most.
_LOOKS = 2

# Seconds between two looks at a loop that is blocked: the duration at the end is as exact as this.
_SOON = 0.005

# The shortest interval between two looks, in seconds. Each of them takes the GIL.
_SHORTEST = 0.001

# The longest one: a thread can't wait for any number of seconds.
_LONGEST = 86400.0

# Seconds between two looks while no loop runs. One that is about to run wakes the thread, and runs within
# this time.
_PAUSE = 1.0

# What a callback is called that is not a task's step.
_NO_TASK = "A callback"


class _Watcher:
    """The thread, and what it knows of each running loop."""

    def __init__(self, threshold: float, describe: Callable[[], Any] | None) -> None:
        self.threshold = threshold
        self.describe = describe
        self.stopped = threading.Event()
        # Taken by who starts the thread.
        self.is_to_start = threading.Lock()
        # There is something to look at.
        self.wanted = threading.Event()
        self._states: weakref.WeakKeyDictionary[Loop, _State] = weakref.WeakKeyDictionary()
        self.thread = threading.Thread(target=self._run, name="ferrio-watch-blocking", daemon=True)

    def _run(self) -> None:
        interval = min(max(self.threshold / _LOOKS, _SHORTEST), _LONGEST)
        before = _Moment()
        # Until when a loop may be about to run.
        expected_until = before.time
        while not self.stopped.is_set():
            is_any_running, is_any_blocked = self._look_at_all(before)
            if not is_any_running and time.monotonic() > expected_until:
                if self.wanted.wait(_PAUSE):
                    self.wanted.clear()
                    expected_until = time.monotonic() + _PAUSE
                before = _Moment()
            else:
                before = _Moment()
                self.stopped.wait(min(interval, _SOON) if is_any_blocked else interval)

    def _look_at_all(self, before: _Moment) -> tuple[bool, bool]:
        """Look at the loops; return whether one runs, and whether one is blocked."""
        loops = running_loops()
        now = _Moment()
        # One that has just ended may have been blocked.
        are_blocked = [self._look(loop, before, now) for loop in {*loops, *self._states}]
        if not loops:
            self._states.clear()
        return bool(loops), any(are_blocked)

    def _look(self, loop: Loop, before: _Moment, now: _Moment) -> bool:
        """Look at a loop; return whether it is blocked. before: when the look before this one ended."""
        number = loop._running_callback()
        state = self._states.get(loop)
        if state is None or state.number != number:
            if state is not None and state.reported:
                _log("%s blocked the loop for %.3f s", state.what, now.time - state.since)
            # If code that does not give the GIL away has kept this thread from looking, it was this one's.
            kept_from_looking = min(now.time - before.time, now.cpu_time - before.cpu_time) >= self.threshold
            since = before.time if kept_from_looking else now.time
            self._states[loop] = state = _State(number, since)
        if number is None or now.time - state.since < self.threshold:
            return False
        if not state.reported:
            state.reported = True
            # Until the end is told.
            state.loop = loop
            try:
                state.what = self._report(loop, number, now.time - state.since)
            except Exception as error:
                # A task's class and its name are the program's.
                _log("A callback blocks the loop, and can't be shown: %r", error)
        return True

    def _report(self, loop: Loop, number: int, duration: float) -> str:
        """Log that a callback blocks a loop; return what it is."""
        task = asyncio.current_task(loop)
        frame = sys._current_frames().get(loop._thread_id or 0)
        stack = stack_of(frame)
        # Another callback may run by now, whose these are.
        if loop._running_callback() == number:
            what = _NO_TASK if task is None else f"Task {task.get_name()!r}"
            about = "" if task is None or self.describe is None else _described(task, self.describe)
            _log("%s blocks the loop: %.3f s so far%s\n%s", what, duration, about, stack)
            return what
        return _NO_TASK


class _Moment:
    """A time, and how much CPU time the process had taken by then; in seconds."""

    __slots__ = ("cpu_time", "time")

    def __init__(self) -> None:
        self.time = time.monotonic()
        self.cpu_time = time.process_time()


class _State:
    """The callback that a loop was in at the last look."""

    __slots__ = ("loop", "number", "reported", "since", "what")

    def __init__(self, number: int | None, since: float) -> None:
        self.number = number
        self.since = since
        self.reported = False
        self.loop: Loop | None = None
        self.what = _NO_TASK


def _log(message: str, *arguments: Any) -> None:
    import logging

    logging.getLogger("ferrio").warning(message, *arguments)


def _described(task: Any, describe: Callable[[], Any]) -> str:
    """Return what the user's function says in the task's context."""
    get_context = getattr(task, "get_context", None)
    if get_context is None:
        return ""
    try:
        # The task's own context is in use by the loop's thread.
        text = str(get_context().copy().run(describe))
    except Exception as error:
        text = f"describe() raised {type(error).__name__}: {error}"
    return f" ({text})"


def stack_of(frame: FrameType | None) -> str:
    """Return the stack of a thread, without what runs the loop."""
    frames = traceback.extract_stack(frame) if frame is not None else []
    ours = [number for number, entry in enumerate(frames) if entry.filename == running.__file__]
    if ours:
        del frames[: ours[-1] + 1]
    return "".join(traceback.format_list(frames)).rstrip() or "  (no Python code runs)"


_watcher: _Watcher | None = None


def watch_blocking(threshold: float | None = 0.1, *, describe: Callable[[], Any] | None = None) -> None:
    """Have every callback logged that blocks a loop of Ferrio's for longer than threshold seconds.

    A thread logs it once while it runs, with the name of its task and the stack of the loop's thread, and
    once more when it has ended, with the time that it took; as warnings of the logger "ferrio". It works in
    all threads, and in the children of os.fork(). A callback that does not give the GIL away can be told
    about only when it does.

    threshold: seconds, more than 0; None ends the watch. The next call replaces what the call before has set.
    describe: a function without arguments whose result is added to the first line: str() of it. It is called
    in the watcher's thread with a copy of the task's context, so that it reads the task's context variables.
    Not on 3.11, which does not show a task's context.

    TypeError if threshold is no number or describe can't be called; ValueError if threshold is 0 or
    less.

    asyncio's own debug mode logs a slow callback after it has ended, without its stack.
    """
    global _watcher
    if threshold is not None:
        if isinstance(threshold, bool) or not hasattr(threshold, "__float__"):
            raise TypeError(f"threshold must be a number of seconds or None, not {type(threshold).__name__}")
        threshold = float(threshold)
        if not 0 < threshold < float("inf"):
            raise ValueError(f"threshold must be more than 0 seconds, not {threshold}")
    if describe is not None and not callable(describe):
        raise TypeError(f"describe must be callable, not {type(describe).__name__}")
    if _watcher is not None:
        _watcher.stopped.set()
        _watcher.wanted.set()
        _watcher = None
    if threshold is None:
        return
    _watcher = _Watcher(threshold, describe)
    if _want not in running.before_run:
        running.before_run.append(_want)
        os.register_at_fork(after_in_child=_begin_anew)
    if running_loops():
        _want()


def watch_by_environment(value: str) -> None:
    """Watch as FERRIO_SLOW_CALLBACK says. A value that is no number of seconds is logged."""
    try:
        watch_blocking(float(value))
    except ValueError:
        _log("FERRIO_SLOW_CALLBACK must be a number of seconds more than 0, not %r", value)


def _want() -> None:
    """Have the thread run, and look: before a loop runs."""
    watcher = _watcher
    if watcher is None:
        return
    # Loops of several threads may come here at once.
    if watcher.is_to_start.acquire(blocking=False):
        try:
            watcher.thread.start()
        except RuntimeError:
            # The system has no more threads.
            watcher.is_to_start.release()
            return
    watcher.wanted.set()


def _begin_anew() -> None:
    """Have a new thread in a child of fork from its first loop on: at the fork none may be started."""
    global _watcher
    if _watcher is not None:
        _watcher = _Watcher(_watcher.threshold, _watcher.describe)
