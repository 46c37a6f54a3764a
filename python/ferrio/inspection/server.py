"""The server of `ps`, `pstree`, `explain` and `top`, in the process that is looked at.

Modules that only an answer needs are imported for the first answer.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import socket
import threading

from ferrio.inspection.folders import make_folder
from ferrio.loop import running

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ("listen", "serve")

# So many clients may wait in the kernel. Those beyond get an error, and try again.
_BACKLOG = 512

# The ending of the name of a socket that does not listen yet.
_NOT_YET = ".new"

# The path of this process's socket, and the socket. The lock is for threads that run their first loops at the
# same time.
_listening: tuple[str, socket.socket] | None = None
_lock = threading.Lock()


def listen() -> None:
    """Let `python -m ferrio ps`, `pstree`, `explain` and `top` look at this process and its forks.

    Programs of `python -m ferrio` need not call it, nor programs with FERRIO_LISTEN=1 in the environment when
    they import ferrio. Only the user of this process and root get an answer.

    OSError if there is no private directory for the socket.
    """
    serve()
    _listen()


def serve() -> None:
    """Answer as soon as a loop runs, in this process and in those that it forks."""
    if _try_to_listen not in running.before_run:
        running.before_run.append(_try_to_listen)
        os.register_at_fork(after_in_child=_forget_the_parents)
        atexit.register(_remove_socket)


def _try_to_listen() -> None:
    """Open this process's socket, if it has none. A failure is ignored.

    A child of fork calls this when it runs a loop of its own, because no thread may be started at the fork
    itself.
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
        # A socket gets its name after it listens. So a socket under that name that does not listen may be
        # removed.
        listener.bind(path + _NOT_YET)
        listener.listen(_BACKLOG)
        os.rename(path + _NOT_YET, path)
    except BaseException:
        listener.close()
        raise
    _listening = (path, listener)
    threading.Thread(target=_answer_all, args=(listener,), name="ferrio-inspection", daemon=True).start()


def _forget_the_parents() -> None:
    """Close the parent's socket in the child of a fork, because no thread answers there. Its path stays."""
    global _listening, _lock
    _lock = threading.Lock()
    if _listening is not None:
        _listening[1].close()
        _listening = None


def _remove_stale(folder: str) -> None:
    """Remove the sockets of killed processes, and of an earlier process with this process's number."""
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
    # Nothing is imported before somebody asks. A child that is forked meanwhile would have half of a module.
    first = select.poll()
    first.register(listener, select.POLLIN)
    first.poll()
    from ferrio.inspection.conversations import converse

    converse(listener, _answer)


def _answer(question: dict[str, Any]) -> dict[str, Any]:
    from ferrio.inspection.answers import answer

    return answer(question)
