"""What would leave a simulation: it raises LeavesSimulationError, unless the test allows it by its name.

The interpreter tells its audit hooks what a program is about to do. One hook of Ferrio's, which stays from
the first closed simulation on, refuses what the simulation of its thread does not allow. The wall time has no
such event, so it is simulated: the functions of the modules `time` and `datetime` follow the loop's clock
while a closed simulation runs.
"""

from __future__ import annotations

import contextlib
import datetime
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ferrio import _core

__all__ = ("KINDS", "LeavesSimulationError", "checked", "closed")


class LeavesSimulationError(RuntimeError):
    """A program asked for something that the simulation does not have, and that the test does not allow."""


# The names by which a test allows things.
KINDS = ("sockets", "threads", "processes", "wall time")

# The interpreter's audit events.
_EVENTS = {
    "socket.connect": "sockets",
    "socket.bind": "sockets",
    "socket.sendto": "sockets",
    "socket.sendmsg": "sockets",
    "socket.getaddrinfo": "sockets",
    "socket.gethostbyname": "sockets",
    "socket.gethostbyaddr": "sockets",
    "socket.getnameinfo": "sockets",
    "_thread.start_new_thread": "threads",
    "_thread.start_joinable_thread": "threads",
    "subprocess.Popen": "processes",
    "os.fork": "processes",
    "os.forkpty": "processes",
    "os.posix_spawn": "processes",
    "os.exec": "processes",
    "os.system": "processes",
    "time.sleep": "wall time",
}

# The time of the wall when a simulation begins: 2026-01-01, 00:00 UTC. Runs of one seed see the same.
WALL_START = 1767225600.0

_NANOSECONDS = 1_000_000_000

# By thread: the closed simulation that runs in it.
_running: dict[int, _Closed] = {}

_is_listening = False
_lock = threading.Lock()


def checked(allow: Iterable[str] | None, network: str) -> frozenset[str]:
    """Return what a test allows. None is nothing with a network in memory, and everything without.

    TypeError and ValueError for others than names of KINDS.
    """
    if allow is None:
        return frozenset(KINDS if network == "real" else ())
    if isinstance(allow, str):
        raise TypeError(f"allow is a collection of names, got the str {allow!r}")
    names = frozenset(allow)
    for name in sorted(map(str, names)):
        if name not in KINDS:
            raise ValueError(f"a test allows {', '.join(map(repr, KINDS))}; got {name!r}")
    return names


def refused(kind: str, what: str) -> LeavesSimulationError:
    """Return the error for something that the test does not allow."""
    return LeavesSimulationError(f"{what} leaves the simulation; run(..., allow=[{kind!r}]) allows it")


class _Closed:
    """A simulation that runs in a thread and allows not everything."""

    def __init__(self, loop: Any, allowed: frozenset[str], start: float) -> None:
        self.loop, self.allowed, self.start = loop, allowed, start

    def wall_time(self) -> float:
        network = getattr(self.loop, "network", None)
        skew = 0.0 if network is None else network.current_host().clock_skew
        return WALL_START + float(self.loop.time()) - self.start + skew


def _hear(event: str, _: Any) -> None:
    if _running and event in _EVENTS:
        _check(_EVENTS[event], event)


def _check(kind: str, what: str) -> None:
    """Raise LeavesSimulationError if what is about to happen is not allowed in this thread."""
    closed = _running.get(threading.get_ident())
    if closed is not None and kind not in closed.allowed and not _is_importing():
        raise refused(kind, f"{what}()")


def _is_importing() -> bool:
    """Return whether this thread imports a module. What a module needs for that is not the program's."""
    frame: Any = sys._getframe()
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


@contextlib.contextmanager
def closed(loop: Any, allowed: frozenset[str], start: float) -> Iterator[None]:
    """Refuse what is not allowed in this thread, for the time of the block. The wall time is the loop's."""
    if allowed.issuperset(KINDS):
        yield
        return
    global _is_listening
    ident = threading.get_ident()
    with _lock:
        if not _is_listening:
            _is_listening = True
            sys.addaudithook(_hear)
        if not _running:
            _replace_functions()
        _running[ident] = _Closed(loop, allowed, start)
    try:
        yield
    finally:
        with _lock:
            del _running[ident]
            if not _running:
                _restore_functions()


# The wall time

# What stood in the module before the simulation that runs, or before the last that ran.
_originals: dict[str, Any] = {}


def _replace_functions() -> None:
    for name, replacement in _REPLACEMENTS.items():
        _originals[name] = getattr(time, name)
        setattr(time, name, replacement)
    # These stay for the life of the process, and ask only while the clock is on.
    _core.replace_datetime_clock(
        datetime.datetime.now, datetime.datetime.utcnow, datetime.date.today, _of_datetime
    )
    _core.switch_datetime_clock(True)
    _originals["start"] = threading.Thread.start
    threading.Thread.start = _start  # type: ignore[method-assign]


def _restore_functions() -> None:
    _core.switch_datetime_clock(False)
    for name in _REPLACEMENTS:
        setattr(time, name, _originals[name])
    threading.Thread.start = _originals["start"]  # type: ignore[method-assign]


# Earlier interpreters have no audit events for these two.


def _start(self: threading.Thread) -> None:
    _check("threads", "Thread.start")
    _originals["start"](self)


def _sleep(seconds: Any) -> None:
    _check("wall time", "time.sleep")
    _originals["sleep"](seconds)


def _simulation() -> _Closed | None:
    closed = _running.get(threading.get_ident())
    return closed if closed is not None and "wall time" not in closed.allowed else None


def _named(name: str, function: Any) -> Any:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = getattr(time, name).__doc__
    function.__module__ = "time"
    return function


def _reading(name: str, read: Callable[[_Closed], Any]) -> Any:
    def function() -> Any:
        closed = _simulation()
        return _originals[name]() if closed is None else read(closed)

    return _named(name, function)


def _of_moment(name: str) -> Any:
    def function(seconds: float | None = None) -> Any:
        closed = _simulation() if seconds is None else None
        return _originals[name](seconds if closed is None else closed.wall_time())

    return _named(name, function)


def _strftime(format: str, *moment: Any) -> Any:
    closed = None if moment else _simulation()
    if closed is not None:
        moment = (_originals["localtime"](closed.wall_time()),)
    return _originals["strftime"](format, *moment)


# The constructors that the interpreter's own functions use, whatever a derived class has.
_from_timestamp = vars(datetime.datetime)["fromtimestamp"]


def _of_datetime(name: str, kind: Any, moment: Any) -> Any:
    """Return what takes the place of datetime.now(), datetime.utcnow() or date.today(); or None."""
    closed = _simulation()
    if closed is None:
        return None
    seconds = closed.wall_time()
    if name == "today":
        # As the interpreter's own; a derived class may have its own constructor.
        return kind.fromtimestamp(seconds)
    make = _from_timestamp.__get__(None, kind)
    if name == "utcnow":
        return make(seconds, datetime.UTC).replace(tzinfo=None)
    return make(seconds, getattr(moment, "tzinfo", None))


def _nanoseconds(seconds: float) -> int:
    return round(seconds * _NANOSECONDS)


def _seconds(closed: _Closed) -> float:
    return float(closed.loop.time())


_REPLACEMENTS: dict[str, Any] = {
    "time": _reading("time", _Closed.wall_time),
    "time_ns": _reading("time_ns", lambda closed: _nanoseconds(closed.wall_time())),
    "monotonic": _reading("monotonic", _seconds),
    "monotonic_ns": _reading("monotonic_ns", lambda closed: _nanoseconds(_seconds(closed))),
    "perf_counter": _reading("perf_counter", _seconds),
    "perf_counter_ns": _reading("perf_counter_ns", lambda closed: _nanoseconds(_seconds(closed))),
    **{name: _of_moment(name) for name in ("localtime", "gmtime", "ctime")},
    "strftime": _named("strftime", _strftime),
    "sleep": _named("sleep", _sleep),
}
