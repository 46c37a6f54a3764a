"""Web servers under python -m ferrio: every worker answers from Ferrio, and its tasks can be looked at."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.clock import PATIENCE, PAUSE

APPLICATION = """
import asyncio, os

async def app(scope, receive, send):
    while scope["type"] == "lifespan":
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
    text = f"{os.getpid()} {type(asyncio.get_running_loop()).__module__}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"connection", b"close")]})
    await send({"type": "http.response.body", "body": text})
"""

# The modules that are needed, the number of workers, and the command. They answer on a Unix socket.
SERVERS = {
    "uvicorn": ("uvicorn", 1, "uvicorn app:app --uds PATH"),
    "uvicorn on uvloop": ("uvicorn uvloop", 1, "uvicorn app:app --loop uvloop --uds PATH"),
    "uvicorn with workers": ("uvicorn", 2, "uvicorn app:app --workers 2 --uds PATH"),
    "uvicorn that reloads": ("uvicorn", 1, "uvicorn app:app --reload --uds PATH"),
    "gunicorn": (
        "gunicorn uvicorn_worker",
        2,
        "gunicorn app:app -k uvicorn_worker.UvicornWorker -w 2 -b unix:PATH",
    ),
    "hypercorn": ("hypercorn", 1, "hypercorn app:app -b unix:PATH"),
    "hypercorn on uvloop": ("hypercorn uvloop", 2, "hypercorn app:app -w 2 -k uvloop -b unix:PATH"),
}


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, int]]:
    """The path of a server's socket, and the number of its workers."""
    modules, workers, command = SERVERS[request.param]
    for module in modules.split():
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    (tmp_path / "app.py").write_text(APPLICATION)
    path = str(tmp_path / "socket")
    process = subprocess.Popen(
        [sys.executable, "-m", "ferrio", "-m", *command.replace("PATH", path).split()],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    yield path, workers
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def ask(path: str) -> str:
    """Ask a server; return the text of its answer, nothing if it does not answer yet."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        try:
            connection.connect(path)
            connection.sendall(b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
            answer = b""
            while data := connection.recv(10000):
                answer += data
        except (OSError, TimeoutError):
            return ""
    head, _, body = answer.decode().partition("\r\n\r\n")
    if "chunked" in head.lower():
        body = body.split("\r\n")[1]
    return body


@pytest.mark.slow
def test_every_worker_answers_from_ferrio(server: tuple[str, int]) -> None:
    path, workers = server
    found: dict[str, str] = {}
    deadline = time.monotonic() + 2 * PATIENCE
    while len(found) < workers:
        assert time.monotonic() < deadline, found
        if answer := ask(path):
            pid, module = answer.split()
            found[pid] = module
            if len(found) < workers:
                # The next is another's to answer.
                os.kill(int(pid), signal.SIGSTOP)
        time.sleep(PAUSE)
    assert set(found.values()) == {"ferrio.loop"}
    for pid in found:
        os.kill(int(pid), signal.SIGCONT)
        done = subprocess.run([sys.executable, "-m", "ferrio", "pstree", pid], capture_output=True, text=True)
        assert "(T) " in done.stdout, done.stderr
