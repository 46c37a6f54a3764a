"""Ferrio inside of another main loop: Tkinter's, Qt's, GLib's, or any that can watch a descriptor.

ferrio.guest.tk.run(main(), root)   # instead of root.mainloop()
ferrio.guest.qt.run(main(), app)    # instead of app.exec()
ferrio.guest.glib.run(main())       # instead of GLib.MainLoop().run()

For other hosts there is Guest: have the main loop watch guest.fileno() for reading, and call guest.step().

While a guest runs, its loop is the running loop of the thread, also in the host's own callbacks: they may
call asyncio.create_task(). A callback or a task may run the host's main loop again, as a modal dialog does;
other tasks go on meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import threading
import time
import warnings
from asyncio import tasks as asyncio_tasks
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ferrio import _core
from ferrio.guest.watcher import Watcher
from ferrio.loop import Loop, running
from ferrio.runners import Runner

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    _T = TypeVar("_T")

__all__ = ("Guest", "Host", "HostedLoop", "run")

# How many callbacks one step runs at most. A loop that has more ready goes on with the next step.
CALLBACKS_IN_A_STEP = 1000

# The seconds after which a step begins no further callback. A window that is drawn 60 times a second has
# 16 ms for each picture. A host may serve two steps before it comes to a timer of the window.
SECONDS_IN_A_STEP = 0.002


def __getattr__(name: str) -> Any:
    # The modules of the hosts, each of which imports its toolkit.
    if name in {"glib", "qt", "tk"}:
        return importlib.import_module(f"ferrio.guest.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class Guest:
    """A loop that another main loop, the host, runs step by step; see asyncio.loop.run_forever().

    Every method must be called in the thread that called start(), or the constructor before that.
    """

    __slots__ = (
        "__weakref__",
        "_callbacks",
        "_loop",
        "_main",
        "_seconds",
        "_session",
        "_thread",
        "_wakeup",
        "_watcher",
        "stopped",
    )

    def __init__(
        self,
        loop: Loop,
        *,
        callbacks: int = CALLBACKS_IN_A_STEP,
        seconds: float = SECONDS_IN_A_STEP,
        wakeup: Callable[[], object] | None = None,
    ) -> None:
        """Make a guest of a loop, which must not run yet.

        callbacks: how many of the loop's callbacks a step runs at most.
        seconds: the time after which a step begins no further callback.
        wakeup: for hosts that can't watch a descriptor. It is called without arguments when a step is due, in
        a thread that the guest has for this. It makes the host call step() soon, and does not wait for that.

        TypeError for what is not a ferrio.Loop, ValueError for limits below one callback or 0 seconds,
        RuntimeError for a closed loop.
        """
        # First, so that __del__ finds it if the rest fails.
        self._session: contextlib.AbstractContextManager[None] | None = None
        if not isinstance(loop, Loop):
            raise TypeError(f"a ferrio.Loop is expected, got {loop!r}")
        if not callbacks >= 1:
            raise ValueError(f"callbacks must be at least 1, got {callbacks!r}")
        if not seconds >= 0:
            raise ValueError(f"seconds must not be negative, got {seconds!r}")
        if wakeup is not None and not callable(wakeup):
            raise TypeError(f"wakeup must be a callable or None, got {wakeup!r}")
        loop._check_closed()
        self._loop = loop
        self._wakeup = wakeup
        self._watcher: Watcher | None = None
        self._callbacks = int(min(callbacks, CALLBACKS_IN_A_STEP * CALLBACKS_IN_A_STEP))
        self._seconds = float(seconds)
        self._main: asyncio.Task[Any] | None = None
        self._thread: int | None = None
        # Whether the loop's stop() was called and has taken effect.
        self.stopped: bool = False

    def __repr__(self) -> str:
        state = "running" if self._thread is not None else "closed" if self.stopped else "new"
        return f"<{type(self).__name__} {state} loop={self._loop!r}>"

    def __del__(self, _warn: Any = warnings.warn) -> None:
        if self._session is not None:
            _warn(f"unclosed guest {self!r}", ResourceWarning, source=self)
            if threading.get_ident() == self._thread:
                self._leave()

    def __enter__(self) -> Guest:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get_loop(self) -> Loop:
        """Return the loop."""
        return self._loop

    def fileno(self) -> int:
        """Return the descriptor that the host watches for reading; the same one until the loop is closed.

        It is readable when a step has something to do: because of a descriptor, another thread, a timer, or a
        callback that was scheduled outside of a step. RuntimeError for a closed loop, and where the poller
        has no descriptor.
        """
        return self._loop._guest_descriptor()

    def timeout(self) -> float | None:
        """Return the seconds until the next timer: 0 when a step has something to do, None for never.

        A host that watches fileno() needs no timer of its own.
        """
        return self._loop._guest_timeout()

    def start(self, main: Coroutine[Any, Any, _T] | None = None) -> asyncio.Task[_T] | None:
        """Make the loop the running loop of this thread, until close(). Return main's task.

        main: a coroutine; close() cancels its task.

        RuntimeError if the guest was started before, if a loop runs in this thread, and for a closed loop;
        TypeError for what is not a coroutine.
        """
        if self._thread is not None:
            raise RuntimeError("the guest has been started already")
        session = running.session(self._loop)
        session.__enter__()
        try:
            self._begin()
            if main is not None:
                self._main = self._loop.create_task(main)
        except BaseException:
            if self._loop.is_running():
                self._loop._end_guest()
            self._thread = None
            session.__exit__(None, None, None)
            raise
        self._session = session
        return self._main

    def _begin(self) -> None:
        self._loop._begin_guest()
        self._thread = threading.get_ident()
        if self._wakeup is not None:
            self._watcher = Watcher(self.fileno(), self._wakeup)

    def step(self) -> None:
        """Run one iteration of the loop, within the guest's limits. It never waits.

        It may be called inside of a step, by a main loop that a callback or a task runs.

        What comes out is KeyboardInterrupt and SystemExit, as out of run_forever(). RuntimeError if the guest
        does not run, and in another thread.
        """
        if threading.get_ident() != self._thread:
            self._refuse()
        if self._watcher is not None:
            # Now, and not at the end: a callback may run the host's main loop, which is to be woken up too.
            self._watcher.rearm()
        task = asyncio.current_task(self._loop)
        if task is None:
            if self._loop._step(self._callbacks, self._seconds):
                self.stopped = True
            return
        # Inside of a task's step: another task may be the current one meanwhile.
        _swap_current_task(self._loop, None)
        try:
            if self._loop._step(self._callbacks, self._seconds):
                self.stopped = True
        finally:
            _swap_current_task(self._loop, task)

    def serve(self) -> None:
        """Call step() until nothing is ready, the loop was stopped, or the seconds of a step have passed."""
        self.step()
        if self.stopped or not self._loop._has_work():
            return
        end = time.monotonic() + self._seconds
        while not self.stopped and self._loop._has_work() and time.monotonic() < end:
            self.step()

    def _refuse(self) -> None:
        if self._thread is None:
            raise RuntimeError("the guest does not run")
        raise RuntimeError("a guest's steps must run in the thread that has started it")

    def close(self) -> None:
        """Take the loop out of the host; it can be run by itself again.

        Nothing happens to a guest that does not run.

        A main task that has not ended is cancelled, and the loop runs until it has. What it raises stays in
        the task.

        RuntimeError inside of a step, and in another thread.
        """
        if self._session is None:
            return
        if threading.get_ident() != self._thread:
            self._refuse()
        self._leave()
        main = self._main
        if main is not None and not main.done():
            main.cancel()
            self._loop.run_until_complete(asyncio.wait([main]))

    def _leave(self) -> None:
        self._loop._end_guest()
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.close()
        session, self._session = self._session, None
        self._thread = None
        self.stopped = True
        if session is not None:
            session.__exit__(None, None, None)


def _swap_current_task(loop: Loop, task: asyncio.Task[Any] | None) -> None:
    """Make a task, or none, the current one."""
    swap = getattr(asyncio_tasks, "_swap_current_task", None)
    if swap is not None:
        swap(loop, task)
    elif task is not None:
        asyncio_tasks._current_tasks[loop] = task  # type: ignore[attr-defined]
    else:
        asyncio_tasks._current_tasks.pop(loop, None)  # type: ignore[attr-defined]


class Host(Protocol):
    """What HostedLoop needs of a main loop."""

    def run(self, guest: Guest) -> None:
        """Run the main loop: call guest.step() or serve() when guest.fileno() is readable.

        Return when guest.stopped.

        A return before that says that the host has ended by itself, for example because its window was
        closed.
        """


class HostedLoop(Loop):
    """A loop of which each run is a run of a host's main loop.

    So asyncio.Runner, and all else that runs a loop, works inside of the host.
    """

    __slots__ = ("_host", "_main", "host_has_ended")

    def __init__(self, host: Host | None) -> None:
        """Make a loop.

        host: whose main loop runs it; None for an ordinary loop.
        """
        super().__init__()
        self._host = host
        self._main: Any = None
        # Whether the host's main loop ended before the loop was stopped, or asked for the end.
        self.host_has_ended: bool = False

    def leave_host(self) -> None:
        """Run without the host from the next run on."""
        self._host = None

    def end(self) -> None:
        """Cancel what the loop runs for, because the host is about to end."""
        self.host_has_ended = True
        waiting = [self._main] if self._main is not None else asyncio.all_tasks(self)
        for task in waiting:
            task.cancel()

    def run_until_complete(self, future: Any) -> Any:
        """Run until a future is done, as asyncio's; it is cancelled if the host ends before."""
        self._main = future if asyncio.isfuture(future) else None
        try:
            return super().run_until_complete(future)
        finally:
            self._main = None

    def _run(self) -> None:
        if self._host is None:
            super()._run()
            return
        guest = Guest(self)
        guest._begin()
        try:
            self._host.run(guest)
        finally:
            self._end_guest()
        if not guest.stopped:
            if not self.host_has_ended:
                self.end()
            _core.Loop._run(self)


def run(main: Coroutine[Any, Any, _T], host: Host, *, debug: bool | None = None) -> _T | None:
    """Run a coroutine inside of a host's main loop and return its result; see asyncio.run() for the rest.

    If the host ends first, main is cancelled, and goes on without the host until it ends; None is returned if
    it does not catch that. Ctrl-C cancels main, too. What is left at main's end runs without the host.

    host: the main loop, see Host.
    debug: True and False turn the loop's debug mode on and off, None leaves it to the environment.

    RuntimeError when an event loop runs in this thread, ValueError for what is not a coroutine.
    """
    if asyncio._get_running_loop() is not None:
        raise RuntimeError("ferrio.guest.run() cannot be called from a running event loop")
    loop: HostedLoop | None = None

    def new_loop() -> HostedLoop:
        nonlocal loop
        loop = HostedLoop(host)
        return loop

    with Runner(debug=debug, loop_factory=new_loop) as runner:
        try:
            result: _T = runner.run(main)
            return result
        except asyncio.CancelledError:
            if loop is None or not loop.host_has_ended:
                raise
            return None
        finally:
            if loop is not None:
                loop.leave_host()
