"""Web servers that run in processes of their own and answer on a Unix socket."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from support.clock import PATIENCE, PAUSE

# An ASGI application that answers with its process, and the modules of its loop and task: a file app.py.
APPLICATION = """
import asyncio, os

async def app(scope, receive, send):
    while scope["type"] == "lifespan":
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    text = f"{os.getpid()} {type(loop).__module__} {type(task).__module__}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"connection", b"close")]})
    await send({"type": "http.response.body", "body": text})
"""


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("here", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def ask(path: str, target: str = "/", method: str = "GET") -> tuple[int, str]:
    """Ask the server at a path; return the status and the text of its answer. OSError if there is none."""
    connection = _Connection(path)
    try:
        connection.request(method, target, headers={"Connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except http.client.HTTPException as error:
        raise ConnectionError(str(error)) from error
    finally:
        connection.close()


@contextmanager
def serving(
    command: list[str], cwd: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server with this Python, and kill it and its workers at the end. Its output is in the file "output"."""
    with (cwd / "output").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        # There is nobody left, if it has ended.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def workers_of(path: str, target: str, count: int, output: Path) -> dict[int, str]:
    """Ask until so many workers have answered "PID TEXT"; return the texts by their PIDs.

    Who has answered is stopped, so that the next is another, and goes on in the end.
    """
    found: dict[int, str] = {}
    deadline = time.monotonic() + 2 * PATIENCE
    try:
        while len(found) < count:
            assert time.monotonic() < deadline, (found, output.read_text())
            try:
                status, answer = ask(path, target)
                pid, _, text = answer.partition(" ")
                assert status == http.client.OK, answer
            except OSError:
                time.sleep(PAUSE)
                continue
            found[int(pid)] = text
            if len(found) < count:
                os.kill(int(pid), signal.SIGSTOP)
    finally:
        for process in found:
            os.kill(process, signal.SIGCONT)
    return found
