"""Answering `ps` and `pstree` in the process that is looked at."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import socket
import struct
import threading

from ferrio.inspection.folders import make_folder
from ferrio.inspection.tasks import describe_tasks
from ferrio.loop import running

__all__ = ("serve",)

# Seconds for the process that asks to take the answer.
_PATIENCE = 10.0

# pid, uid and gid, as SO_PEERCRED gives them (man 7 unix).
_CREDENTIALS = struct.Struct("3i")

# The process that opened the socket, the socket's path, and the socket. A forked child inherits its parent's.
_listening: tuple[int, str, socket.socket] | None = None


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
        folder = make_folder()
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
