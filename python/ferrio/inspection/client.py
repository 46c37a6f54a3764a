"""Asking a process what it does, and printing the answer."""

from __future__ import annotations

import contextlib
import glob
import itertools
import json
import os
import socket
import time

from ferrio import startup
from ferrio.inspection.folders import folders, is_private
from ferrio.inspection.rendering import table, tree

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ("ask", "number_of", "show")

# The answer may have any size. It is read in pieces of up to this size, in bytes. Any value would do for a
# call so rare.
_PIECE = 65536

# How many seconds a process may take to answer. Its threads share the GIL, which a callback may hold for
# long.
_PATIENCE = 20.0

# For an explanation of many thousands of tasks, on a busy machine.
_LONG_PATIENCE = 60.0

# Seconds until the next try where too many clients wait.
_PAUSE = 0.02

# The answer of a process that has not run a loop yet.
_NOTHING = {"running": False, "tasks": [], "text": "no tasks", "loops": [], "deadlocks": [], "tasks_total": 0}

# The kernel's limit (PID_MAX_LIMIT).
_HIGHEST_PID = 2**22


def number_of(pid: str) -> int:
    """Return the number of a process. SystemExit with a message for something else."""
    if not (pid.isascii() and pid.isdigit()) or int(pid) > _HIGHEST_PID:
        raise SystemExit(f"ferrio: {pid!r} is not a process id")
    return int(pid)


def show(command: str, arguments: list[str]) -> None:
    """Print the tasks of a process as a table (ps), as a tree (pstree), or what they wait for (explain).

    Then print which processes it has started: the master of a web server may run a loop of its own.
    """
    pid = number_of(arguments[0])
    if not _show_tasks(command, pid, arguments[1:]):
        print(f"no event loop is running in process {pid}")
    for child in _descendants(pid):
        if any(os.path.exists(path) for path in _paths(child)):
            print(f"it has started process {child}: python -m ferrio {command} {child}")


def _show_tasks(command: str, pid: int, arguments: list[str]) -> bool:
    """Print the tasks; return False without a word if no event loop is running."""
    if command == "explain":
        task = {"task": arguments[0]} if arguments else {}
        answer = ask(pid, {"ask": "explain", **task}, _LONG_PATIENCE)
        if answer["running"] or answer["text"] != "no tasks":
            print(answer["text"])
            return True
    else:
        answer = ask(pid, {"ask": "tasks"})
        if answer["running"] or answer["tasks"]:
            lines = table(answer["tasks"]) if command == "ps" else tree(answer["tasks"])
            print("\n".join(lines or ["no tasks"]))
            return True
    return False


def ask(pid: int, question: dict[str, Any], patience: float | None = None) -> dict[str, Any]:
    """Return a process's answer to a question. SystemExit with one clear line where there is none.

    patience: for how many seconds the process is waited for.
    """
    line = json.dumps(question).encode() + b"\n"
    for path in _paths(pid):
        data = _exchange(pid, path, line, patience or _PATIENCE)
        if data is None:
            continue
        try:
            answer = json.loads(data)
        except ValueError:
            raise SystemExit(f"ferrio: process {pid} has ended while it was looked at") from None
        if not isinstance(answer, dict):
            raise SystemExit(f"ferrio: what listens at {path} is not Ferrio")
        if "error" in answer:
            raise SystemExit(f"ferrio: process {pid}: {answer['error']}")
        return answer
    if _has_begun(pid):
        return {
            "running": False,
            "tasks": [],
            "text": "no tasks",
            "loops": [],
            "deadlocks": [],
            "tasks_total": 0,
        }
    raise SystemExit(
        f"ferrio: there is no process {pid} of this user that was started with python -m ferrio, or that has "
        "called ferrio.listen()"
    )


def _exchange(pid: int, path: str, question: bytes, patience: float) -> bytes | None:
    """Return what comes back from a socket, or None if nobody listens there."""
    deadline = time.monotonic() + patience
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(patience)
        while True:
            try:
                connection.connect(path)
                break
            except (FileNotFoundError, NotADirectoryError):
                return None
            except ConnectionRefusedError:
                # A killed process may have left this. Another user's folder may contain anything.
                with contextlib.suppress(OSError):
                    if is_private(os.path.dirname(path)):
                        os.unlink(path)
                return None
            except BlockingIOError:
                # Too many clients wait.
                if time.monotonic() > deadline:
                    raise SystemExit(f"ferrio: process {pid} has too many clients") from None
                time.sleep(_PAUSE)
            except OSError as error:
                raise SystemExit(f"ferrio: can't ask process {pid}: {error}") from None
        pieces = []
        try:
            connection.sendall(question)
            while piece := connection.recv(_PIECE):
                pieces.append(piece)
        except TimeoutError:
            raise SystemExit(
                f"ferrio: process {pid} does not answer: it is stopped, or code that keeps the GIL runs"
            ) from None
        except OSError:
            raise SystemExit(f"ferrio: process {pid} has ended while it was looked at") from None
        return b"".join(pieces)


def _paths(pid: int) -> list[str]:
    """Return the possible paths of a process's socket. It may have another environment or another user."""
    name = "XDG_RUNTIME_DIR"
    try:
        uid = os.stat(f"/proc/{pid}").st_uid
    except OSError:
        # A killed process may have left something there.
        uid = os.getuid()
    its, ours = (folders(runtime, uid) for runtime in (_environment(pid).get(name), os.environ.get(name)))
    return [os.path.join(folder, str(pid)) for folder in dict.fromkeys([*its, *ours])]


def _has_begun(pid: int) -> bool:
    """Return whether a process gets Ferrio when it imports asyncio; it listens from its first loop on."""
    words = _words(pid, "cmdline")
    environment = _environment(pid)
    if "-mferrio" in words or ("-m", "ferrio") in itertools.pairwise(words):
        return True
    if environment.get("FERRIO_LISTEN", "0") != "0":
        return True
    first = environment.get("PYTHONPATH", "").split(os.pathsep)[0]
    try:
        is_same = os.path.samefile(f"/proc/{pid}/exe", "/proc/self/exe")
    except OSError:
        return False
    return is_same and first == startup.SITE and environment.get("FERRIO_CHILDREN") != "0"


def _descendants(pid: int) -> list[int]:
    """Return the processes that a process has started, and those that they have started."""
    found = []
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        with contextlib.suppress(OSError), open(path) as file:
            for child in map(int, file.read().split()):
                found += [child, *_descendants(child)]
    return found


def _environment(pid: int) -> dict[str, str]:
    """Return the environment that a process was started with."""
    return dict(word.split("=", 1) for word in _words(pid, "environ") if "=" in word)


def _words(pid: int, name: str) -> list[str]:
    """Return the parts of a file of /proc; none if it can't be read."""
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return os.fsdecode(file.read()).split("\0")
    except OSError:
        return []
