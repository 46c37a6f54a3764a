"""What a loop counts: its lag, callbacks, connections, calls in threads; and the times of its tasks.

Counting is always on, in Rust. The times of tasks are noted while somebody looks.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from dataclasses import dataclass
from typing import Any

from ferrio.executor import Executor
from ferrio.loop import Loop, living_loops

__all__ = (
    "Connection",
    "Stats",
    "TaskTime",
    "connections",
    "end_looking",
    "is_looked_at",
    "look",
    "stats",
    "times_of",
)


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection of a loop's: its descriptor, its peer, and bytes received, sent and waiting to be sent.

    An end of a pipe and a datagram socket without a fixed peer have no peer: an empty str.
    """

    fd: int
    peer: str
    bytes_in: int
    bytes_out: int
    bytes_waiting: int


@dataclass(frozen=True, slots=True)
class Stats:
    """What a loop has counted. Numbers without another word in their names are since the loop was made.

    lag: for how many seconds the loop did not look at the outside, which is how long an event had to wait:
    at the last time, or so far where a callback is running now; and the median, the 99th percentile and the
    worst of the last one to two minutes. A guest's lag has the time that its host took to run it, as far as
    the guest knows when that was due.
    blocked: for how many seconds the callback that runs now, and those before it in its iteration, have been
    running; 0 between callbacks. These and the lag are in real time, also on a loop with virtual time.
    lag_samples: how many times were measured.
    ready: callbacks that are ready to run.
    timers: those that are not cancelled.
    descriptors: those that are watched.
    connections: transports that are open now, which are of sockets, pipes and datagram endpoints.
    connections_total: all transports so far.
    bytes_in, bytes_out: of all of them, including closed ones.
    bytes_waiting: to be sent.
    executor_threads, executor_running, executor_queued: of the loop's default executor.
    """

    running: bool
    lag: float
    lag_p50: float
    lag_p99: float
    lag_worst: float
    lag_samples: int
    blocked: float
    iterations: int
    callbacks: int
    tasks: int
    ready: int
    timers: int
    descriptors: int
    connections: int
    connections_total: int
    bytes_in: int
    bytes_out: int
    bytes_waiting: int
    executor_threads: int
    executor_running: int
    executor_queued: int


@dataclass(frozen=True, slots=True)
class TaskTime:
    """The times of a task, in seconds since they are noted.

    age: since its first step. waiting: since its last step. running: all its steps together, on the loop's
    thread. longest: the longest step. steps: how many there were.
    """

    age: float
    waiting: float
    running: float
    longest: float
    steps: int


def stats(loop: Loop | None = None) -> Stats:
    """Return what a loop has counted: its lag, callbacks, tasks, connections, calls in threads.

    loop: a loop of Ferrio's; without it the running one. Any thread may ask, also while a callback blocks
    the loop. TypeError for an object that is no loop of Ferrio's, RuntimeError where no loop runs.
    """
    if loop is None:
        loop = asyncio.get_running_loop()  # type: ignore[assignment]
    if not isinstance(loop, Loop):
        raise TypeError(f"a loop of Ferrio's is expected, not {type(loop).__name__}")
    iterations, callbacks, ready, timers, descriptors, transports, received, sent, *lag = loop._statistics()
    open_connections = connections(loop)
    threads, calls, queued = _executor(loop._default_executor)
    return Stats(
        running=loop.is_running(),
        lag=lag[1],
        lag_p50=lag[2],
        lag_p99=lag[3],
        lag_worst=lag[4],
        lag_samples=lag[0],
        blocked=lag[5],
        iterations=iterations,
        callbacks=callbacks,
        tasks=len(_tasks(loop)),
        ready=ready,
        timers=timers,
        descriptors=descriptors,
        connections=len(open_connections),
        connections_total=transports,
        bytes_in=received + sum(one.bytes_in for one in open_connections),
        bytes_out=sent + sum(one.bytes_out for one in open_connections),
        bytes_waiting=sum(one.bytes_waiting for one in open_connections),
        executor_threads=threads,
        executor_running=calls,
        executor_queued=queued,
    )


def _tasks(loop: Loop) -> list[Any]:
    try:
        return [task for task in asyncio.all_tasks(loop) if not task.done()]
    except RuntimeError:
        # The set changes in another thread.
        return []


def connections(loop: Loop) -> list[Connection]:
    """Return the connections of a loop that are open."""
    found = []
    for transport in loop._open_transports():
        traffic = getattr(type(transport), "_traffic", None)
        if traffic is None:
            continue
        received, sent, waiting = transport._traffic
        peer, fd = "", -1
        with contextlib.suppress(Exception):
            name = transport.get_extra_info("peername")
            peer = f"{name[0]}:{name[1]}" if isinstance(name, tuple) else str(name or "")
            file = transport.get_extra_info("socket") or transport.get_extra_info("pipe")
            fd = file.fileno()
        found.append(Connection(fd, peer, received, sent, waiting))
    return found


def _executor(executor: Any) -> tuple[int, int, int]:
    """Return how many threads an executor has, how many calls run, and how many wait."""
    threads = len(getattr(executor, "_threads", None) or ())
    queue = getattr(executor, "_work_queue", None)
    if queue is None:
        return threads, 0, 0
    if isinstance(executor, Executor):
        idle = queue.idle
    else:
        idle = getattr(getattr(executor, "_idle_semaphore", None), "_value", 0)
    return threads, max(0, threads - idle), queue.qsize()


# The times of tasks

# Seconds after which the times of tasks are noted no more, if nobody has asked for them.
_PATIENCE = 10.0

# When somebody has asked last.
_asked = 0.0
_lock = threading.Lock()


def times_of(loop: Loop) -> dict[int, TaskTime]:
    """Return the times of a loop's tasks by their identities. There are some only while they are noted."""
    return {times[0]: TaskTime(*times[1:]) for times in loop._task_times()}


def look() -> None:
    """Somebody looks: have the times of tasks noted for a while."""
    global _asked
    with _lock:
        _asked = time.monotonic()
    for loop in living_loops():
        loop._time_tasks(True)


def end_looking() -> bool:
    """End the noting of times if nobody has looked for a while. Return whether it goes on."""
    if is_looked_at():
        return True
    for loop in living_loops():
        # In debug mode they are noted while the loop runs.
        if not (loop.get_debug() and loop.is_running()):
            loop._time_tasks(False)
    return False


def is_looked_at() -> bool:
    """Return whether somebody has looked a short time ago."""
    return _asked > 0 and time.monotonic() - _asked < _PATIENCE


def process_times() -> dict[str, float]:
    """Return the CPU time of this process, in seconds, and its memory, in bytes."""
    found = {"cpu": time.process_time()}
    with contextlib.suppress(OSError, ValueError, IndexError), open("/proc/self/statm") as file:
        found["memory"] = float(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return found
