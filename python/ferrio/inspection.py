"""python -m ferrio ps / pstree: the tasks of a live process, told by a thread of that process.

The process listens on a Unix socket in a directory that only its user can enter, and answers each
connection with a list of its tasks. The thread sleeps in accept() until somebody asks, and answers also
while a callback blocks the loop.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import socket
import stat
import struct
import sys
import threading
import types
from collections.abc import Iterator

from ferrio import _core
from ferrio.loop import running

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ("describe_tasks", "serve", "show")

# The answer's size may be anything; it is read in pieces of this size, in bytes.
_PIECE = 65536

# Seconds for a process to answer: its threads share one lock.
_PATIENCE = 10.0

# pid, uid and gid, as SO_PEERCRED gives them (man 7 unix).
_CREDENTIALS = struct.Struct("3i")

_listening: tuple[int, str, socket.socket] | None = None


# In the process that is looked at


def serve() -> None:
    """Answer `ps` and `pstree` as soon as a loop runs, in this process and in those that it forks."""
    running.before_run = _listen
    atexit.register(_remove_socket)


def _listen() -> None:
    """Open this process's socket, if it has none. A process that can't have one goes without.

    A child of fork comes here when it runs a loop of its own: at the fork itself no thread may be started.
    """
    global _listening
    if _listening is not None:
        if _listening[0] == os.getpid():
            return
        # The parent's; its path stays.
        _listening[2].close()
        _listening = None
    with contextlib.suppress(OSError):
        folder = _make_folder()
        path = os.path.join(folder, str(os.getpid()))
        _remove_stale(folder)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(path)
        listener.listen()
        _listening = (os.getpid(), path, listener)
        threading.Thread(target=_answer_all, args=(listener,), name="ferrio-inspection", daemon=True).start()


def _remove_stale(folder: str) -> None:
    """Remove what killed processes have left, and one that had this process's number before."""
    for name in os.listdir(folder):
        if name == str(os.getpid()) or not os.path.exists(f"/proc/{name}"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(folder, name))


def _remove_socket() -> None:
    if _listening is not None and _listening[0] == os.getpid():
        with contextlib.suppress(OSError):
            os.unlink(_listening[1])


def _answer_all(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, contextlib.suppress(OSError):
            _, uid, _ = _CREDENTIALS.unpack(
                connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
            )
            if uid in {os.getuid(), 0}:
                connection.settimeout(_PATIENCE)
                connection.sendall(json.dumps(describe_tasks()).encode())


def describe_tasks() -> list[dict[str, Any]]:
    """Return what there is to know of every pending task of Ferrio's in this process.

    thread: the operating system's number of the thread whose loop it is of; id, name; stack: the functions
    that it is in, innermost first, as (name, file, line); awaited_by: ids of tasks that await it.
    """
    tasks = _core.all_tasks()
    threads = {thread.ident: thread.native_id for thread in threading.enumerate()}
    frames = sys._current_frames()
    described = []
    for task in tasks:
        ident = getattr(task.get_loop(), "_thread_id", None)
        described.append(
            {
                "thread": threads.get(ident) or 0,
                "id": id(task),
                "name": task.get_name(),
                "stack": _stack(task.get_coro(), frames.get(ident) if ident else None),
                "awaited_by": [id(awaiter) for awaiter in _awaiters(task, tasks)],
            }
        )
    return described


def _stack(coroutine: Any, running: types.FrameType | None) -> list[tuple[str, str, int]]:
    """Return the functions that a coroutine is in, innermost first."""
    stack: list[tuple[str, str, int]] = []
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
        frame = frame or getattr(coroutine, "ag_frame", None)
        if frame is None:
            # One of Ferrio's own has no frame, but a name.
            name = getattr(coroutine, "__qualname__", None)
            if name is not None and hasattr(coroutine, "send"):
                stack.insert(0, (name, "", 0))
            break
        stack.insert(0, _entry(frame))
        if getattr(coroutine, "cr_running", False):
            # What it has called is on the thread's stack, above it.
            called: list[tuple[str, str, int]] = []
            while running is not None and running is not frame:
                called.append(_entry(running))
                running = running.f_back
            if running is not None:
                stack = called + stack
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None)
    return stack


def _entry(frame: types.FrameType) -> tuple[str, str, int]:
    return (frame.f_code.co_qualname, frame.f_code.co_filename, frame.f_lineno or 0)


def _awaiters(task: Any, tasks: list[Any]) -> Iterator[Any]:
    """Yield the tasks that await a task: directly, or in a group, a gather or a wait."""
    known = set(getattr(task, "_asyncio_awaited_by", None) or ())
    awaited = {id(task)}
    for callback, *_ in task._callbacks or ():
        for thing in _contents(callback):
            awaited.add(id(thing))
            parent = getattr(thing, "_parent_task", None)
            if parent is not None:
                known.add(parent)
    for other in tasks:
        if other in known or id(other._fut_waiter) in awaited:
            yield other


def _contents(callback: Any) -> Iterator[Any]:
    """Yield what a callback holds: the object that it is a method of, its arguments, its variables."""
    while isinstance(callback, functools.partial):
        yield from callback.args
        callback = callback.func
    yield getattr(callback, "__self__", None)
    for cell in getattr(callback, "__closure__", None) or ():
        with contextlib.suppress(ValueError):  # an empty one
            yield cell.cell_contents


# Where the sockets are


def _folders() -> list[str]:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    folders = [os.path.join(runtime, "ferrio")] if runtime else []
    return [*folders, f"/tmp/ferrio-{os.getuid()}"]


def _is_private(folder: str) -> bool:
    """Return whether a directory is the user's, and no one else's to look into."""
    status = os.lstat(folder)
    return (
        stat.S_ISDIR(status.st_mode)
        and status.st_uid == os.getuid()
        and not stat.S_IMODE(status.st_mode) & 0o077
    )


def _make_folder() -> str:
    for folder in _folders():
        with contextlib.suppress(OSError):
            with contextlib.suppress(FileExistsError):
                os.mkdir(folder, 0o700)
            if _is_private(folder):
                return folder
    raise OSError("no private directory")


# In the process that looks


def show(command: str, pid: str) -> None:
    """Print the tasks of a process as a table (ps) or as a tree (pstree)."""
    if not pid.isdigit():
        raise SystemExit(f"ferrio: {pid!r} is not a process id")
    tasks = _ask(int(pid))
    lines = _table(tasks) if command == "ps" else _tree(tasks)
    print("\n".join(lines))


def _ask(pid: int) -> list[dict[str, Any]]:
    for folder in _folders():
        path = os.path.join(folder, str(pid))
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_PATIENCE)
            try:
                connection.connect(path)
            except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
                continue
            except OSError as error:
                raise SystemExit(f"ferrio: can't ask process {pid}: {error}") from None
            pieces = []
            try:
                while piece := connection.recv(_PIECE):
                    pieces.append(piece)
            except TimeoutError:
                raise SystemExit(f"ferrio: process {pid} does not answer") from None
        if pieces:
            tasks: list[dict[str, Any]] = json.loads(b"".join(pieces))
            return tasks
    raise SystemExit(f"ferrio: there is no process {pid} of this user that was started with python -m ferrio")


def _names(stack: list[Any]) -> str:
    return " -> ".join(name for name, _, _ in stack)


def _table(tasks: list[dict[str, Any]]) -> list[str]:
    """The columns of python -m asyncio ps."""
    by_id = {task["id"]: task for task in tasks}
    lines = [
        _row("tid", "task id", "task name", "coroutine stack", "awaiter chain", "awaiter name", "awaiter id")
    ]
    lines.append("-" * 180)
    for task in tasks:
        first = (task["thread"], hex(task["id"]), task["name"], _names(task["stack"]))
        for awaiter in task["awaited_by"]:
            parent = by_id[awaiter]
            lines.append(_row(*first, _names(parent["stack"]), parent["name"], hex(awaiter)))
        if not task["awaited_by"]:
            lines.append(_row(*first, "", "", "0x0"))
    return lines


def _row(*cells: Any) -> str:
    widths = (10, 20, 20, 50, 50, 15, 15)
    return " ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))


def _tree(tasks: list[dict[str, Any]]) -> list[str]:
    """The tree of python -m asyncio pstree: a task, its functions, the tasks that these await."""
    by_id = {task["id"]: task for task in tasks}
    awaited: dict[int, list[int]] = {}
    for task in tasks:
        for awaiter in task["awaited_by"]:
            awaited.setdefault(awaiter, []).append(task["id"])
    lines: list[str] = []

    def draw(text: str, prefix: str, last: bool) -> str:
        lines.append(f"{prefix}{'└── ' if last else '├── '}{text}")
        return prefix + ("    " if last else "│   ")

    def draw_task(task: dict[str, Any], prefix: str, last: bool, above: frozenset[int]) -> None:
        prefix = draw(f"(T) {task['name']}", prefix, last)
        for name, file, line in reversed(task["stack"]):
            where = f"{name} {file}:{line}" if file else name
            prefix = draw(f" {where}", prefix, True)
        children = awaited.get(task["id"], [])
        for number, child in enumerate(children):
            is_last = number == len(children) - 1
            if child in above:
                draw(f"(T) {by_id[child]['name']}: they await each other", prefix, is_last)
            else:
                draw_task(by_id[child], prefix, is_last, above | {child})

    drawn_from = [task for task in tasks if not task["awaited_by"]] or tasks[:1]
    for task in drawn_from:
        draw_task(task, "", True, frozenset([task["id"]]))
    return lines
