"""Writing down what a process is at, when a signal asks for it."""

from __future__ import annotations

import signal
import sys
import threading
import traceback
from types import FrameType

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO

__all__ = ("dump", "dump_on_signal")


def dump_on_signal(number: int = signal.SIGUSR1, *, file: TextIO | None = None) -> None:
    """Have a signal write what the process is at: the tasks that await each other, and the threads' stacks.

    `kill -USR1 PID` then writes to standard error, or to file, every task of Ferrio's with the functions that
    it is in down to the innermost one, and what every thread is running. The signal's handler that was there
    before is called afterwards. The main thread writes it, as soon as it runs Python code: code in C that
    does not return keeps it from that (see faulthandler.register()).

    ValueError if this is not the main thread, or there is no such signal. OSError for a signal that can't be
    handled. The children of os.fork() do the same.
    """
    before = signal.getsignal(number)
    if isinstance(before, _Dump):
        before = before.before
    signal.signal(number, _Dump(file, before))
    # A system call that the signal interrupts goes on.
    signal.siginterrupt(number, False)


class _Dump:
    """The handler of a signal."""

    def __init__(self, file: TextIO | None, before: Any) -> None:
        self.file = file
        self.before = before

    def __call__(self, number: int, frame: FrameType | None) -> None:
        file = self.file or sys.stderr
        # There is none under pythonw and in some daemons; a closed file must not end the program.
        if file is not None:
            try:
                file.write(dump())
                file.flush()
            except (OSError, ValueError):
                pass
        if callable(self.before):
            self.before(number, frame)


def dump() -> str:
    """Return the tasks of this process as a tree, and the stacks of its threads."""
    from ferrio.inspection.rendering import tree
    from ferrio.inspection.tasks import describe_tasks

    lines = ["Tasks:", *(tree(describe_tasks()) or ["none"]), ""]
    threads = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, frame in sys._current_frames().items():
        name = threads.get(ident, "unknown to threading")
        lines += [f"Thread {name} ({ident:#x}), the innermost call last:"]
        entries = [entry for entry in traceback.extract_stack(frame) if entry.filename != __file__]
        lines += ["".join(traceback.format_list(entries)).rstrip(), ""]
    return "\n".join(lines) + "\n"
