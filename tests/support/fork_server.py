"""Scripts in forks of one interpreter, which has imported asyncio and Ferrio already: a tenth of the time of a new one.

    python support/fork_server.py CONTROL WAY    WAY: asyncio or ferrio; python -m ferrio support/fork_server.py ...

This file is both sides: `ForkServer` for the test, and the interpreter that it starts. The test writes a line of JSON
to the socket CONTROL for each script: the script, and the files for its output. The answer is the script's status.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
from typing import Any


class ForkServer:
    """An interpreter that runs scripts in forks of itself, one at a time."""

    def __init__(self, command: list[str], way: str, **keywords: Any) -> None:
        """Prepare it. command: what precedes this file. way: what the scripts get as Ferrio."""
        self._command = [*command, __file__]
        self._way = way
        self._keywords = keywords
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it. A script does so, too, if it does not run."""
        self._control, theirs = socket.socketpair()
        self._answers = self._control.makefile("r")
        with theirs:
            self._process = subprocess.Popen(
                [*self._command, str(theirs.fileno()), self._way],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                **self._keywords,
            )

    def run(self, script: str, stdout: str, stderr: str, timeout: float) -> int:
        """Run a script with its output in these files; return its exit status. TimeoutError if it takes too long."""
        if self._process is None:
            self.start()
        self._control.settimeout(timeout)
        try:
            self._control.sendall(f"{json.dumps([script, stdout, stderr])}\n".encode())
            return int(self._answers.readline())
        except BaseException:
            # The next script gets a new one.
            self.close()
            raise

    def close(self) -> None:
        """End it, with all that the scripts have left running."""
        if self._process is None:
            return
        self._answers.close()
        self._control.close()
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()
        self._process = None


def serve(control: socket.socket) -> str | None:
    """Fork for each line. Returns the script in a fork, and None at the end."""
    with control, control.makefile("rw") as lines:
        for line in lines:
            script, *files = json.loads(line)
            pid = os.fork()
            if pid == 0:
                for number, file in enumerate(files, start=1):
                    opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                    os.dup2(opened, number)
                    os.close(opened)
                return str(script)
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            lines.write(f"{status}\n")
            lines.flush()
    return None


if __name__ == "__main__":
    control, way = sys.argv[1:]
    if way == "ferrio":
        import ferrio  # noqa: F401
    else:
        import asyncio

        sys.modules["ferrio"] = asyncio
    # The collections at the end of each script look through what the script has made, and not through all modules: half of
    # the time of a short one.
    gc.collect()
    gc.freeze()
    script = serve(socket.socket(fileno=int(control)))
    # In a fork. The script runs last, so that the interpreter ends as it always does.
    if script is not None:
        sys.argv = [script]
        sys.path[0] = os.path.dirname(script)
        runpy.run_path(script, run_name="__main__")
