"""Asking a process for its tasks, and printing them."""

from __future__ import annotations

import json
import os
import socket

from ferrio.inspection.folders import folders
from ferrio.inspection.rendering import table, tree

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ("show",)

# The answer's size may be anything; it is read in pieces of this size, in bytes.
_PIECE = 65536

# Seconds for a process to answer: its threads share one lock.
_PATIENCE = 10.0


def show(command: str, pid: str) -> None:
    """Print the tasks of a process as a table (ps) or as a tree (pstree)."""
    if not pid.isdigit():
        raise SystemExit(f"ferrio: {pid!r} is not a process id")
    tasks = _ask(int(pid))
    lines = table(tasks) if command == "ps" else tree(tasks)
    print("\n".join(lines))


def _ask(pid: int) -> list[dict[str, Any]]:
    for folder in folders():
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
