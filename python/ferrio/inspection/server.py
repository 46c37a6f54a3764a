"""Answering `ps` and `pstree` in the process that is looked at.

What only an answer needs is imported when somebody asks.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import socket
import threading

from ferrio.inspection.folders import make_folder
from ferrio.loop import running

__all__ = ("listen", "serve")

# Seconds for the process that asks to take the answer.
_PATIENCE = 10.0

# Three ints, pid, uid and gid, are what SO_PEERCRED gives (man 7 unix).
_CREDENTIALS_SIZE = 12

# Behind the name of a socket that does not listen yet.
_NOT_YET = ".new"

# The path of this process's socket, and the socket. The lock is for threads whose first loops run at once.
_listening: tuple[str, socket.socket] | None = None
_lock = threading.Lock()


def listen() -> None:
    """Let `python -m ferrio ps PID` and `pstree PID` look at this process, and at those that it forks.

    A program of `python -m ferrio` need not call it, nor one that has FERRIO_LISTEN=1 in its environment when
    it imports ferrio. Only the user of this process and root get an answer.

    OSError if there is no private directory for the socket.
    """
    serve()
    _listen()


def serve() -> None:
    """Answer `ps` and `pstree` as soon as a loop runs, in this process and in those that it forks."""
    if _try_to_listen not in running.before_run:
        running.before_run.append(_try_to_listen)
        os.register_at_fork(after_in_child=_forget_the_parents)
        atexit.register(_remove_socket)


def _try_to_listen() -> None:
    """Open this process's socket, if it has none. A process that can't have one goes without.

    A child of fork comes here when it runs a loop of its own: at the fork itself no thread may be started.
    """
    if _listening is None:
        with contextlib.suppress(OSError):
            _listen()


def _listen() -> None:
    with _lock:
        if _listening is None:
            _open_socket()


def _open_socket() -> None:
    global _listening
    folder = make_folder()
    _remove_stale(folder)
    path = os.path.join(folder, str(os.getpid()))
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Under its name there is only a socket that listens. Whoever finds one that does not may remove it.
        listener.bind(path + _NOT_YET)
        listener.listen()
        os.rename(path + _NOT_YET, path)
    except BaseException:
        listener.close()
        raise
    _listening = (path, listener)
    threading.Thread(target=_answer_all, args=(listener,), name="ferrio-inspection", daemon=True).start()


def _forget_the_parents() -> None:
    """Close the parent's socket in the child of a fork: nobody would answer there. Its path stays."""
    global _listening, _lock
    _lock = threading.Lock()
    if _listening is not None:
        _listening[1].close()
        _listening = None


def _remove_stale(folder: str) -> None:
    """Remove what killed processes have left, and one that had this process's number before."""
    for name in os.listdir(folder):
        pid = name.removesuffix(_NOT_YET)
        if pid == str(os.getpid()) or not os.path.exists(f"/proc/{pid}"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(folder, name))


def _remove_socket() -> None:
    if _listening is not None:
        with contextlib.suppress(OSError):
            os.unlink(_listening[0])


def _answer_all(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, contextlib.suppress(OSError):
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS_SIZE)
            _, uid, _ = memoryview(credentials).cast("i")
            if uid in {os.getuid(), 0}:
                connection.settimeout(_PATIENCE)
                connection.sendall(_answer())


def _answer() -> bytes:
    """Describe this process: whether a loop runs, and the tasks."""
    import json

    from ferrio.inspection.tasks import describe_tasks
    from ferrio.loop import is_any_running

    return json.dumps({"running": is_any_running(), "tasks": describe_tasks()}).encode()
