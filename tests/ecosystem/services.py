"""The servers that some suites talk to. All listen on the loopback address or a Unix socket and end with the suite."""

from __future__ import annotations

import contextlib
import glob
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from .users import User

_START_LIMIT = 30  # seconds

# What pytest and the environment are told about the server.
Told = tuple[list[str], dict[str, str]]


class Missing(Exception):
    """The machine lacks what the suite needs; the message says how to get it."""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _wait_for(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_LIMIT
    while not _accepts(port):
        if server.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"ecosystem: {server.args!r} does not start\n{log.read_text(errors='replace')}")
        time.sleep(0.05)


@contextlib.contextmanager
def redis(user: User) -> Iterator[Told]:
    """Run redis-server."""
    program = shutil.which("redis-server")
    if program is None:
        raise Missing("redis-server is missing. Get it: apt-get install redis-server")
    port = _free_port()
    with user.folder() as folder, (folder / "log").open("wb") as output:
        command = [program, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(folder)]
        # The tests use the command DEBUG.
        command += ["--enable-debug-command", "yes"]
        server = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/", **user.process()
        )
        try:
            _wait_for(port, server, folder / "log")
            url = f"redis://127.0.0.1:{port}/0"
            yield [f"--redis-url={url}", f"--redis-mod-url={url}"], {}
        finally:
            server.terminate()
            try:
                server.wait(_START_LIMIT)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


@contextlib.contextmanager
def postgresql(user: User) -> Iterator[Told]:
    """Tell asyncpg's tests where PostgreSQL is: they start and stop servers by themselves, some with replication."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(Path(path).parent.name))
    if not found and shutil.which("postgres") is None:
        raise Missing("PostgreSQL is missing. Get it: apt-get install postgresql")
    if user.is_root:
        raise Missing(
            "PostgreSQL refuses root. Run this as another user, or with a Python that all users can read"
        )
    yield [], {"PGINSTALLATION": found[-1]} if found else {}


SERVICES: dict[str, Callable[[User], AbstractContextManager[Told]]] = {
    "redis": redis,
    "postgresql": postgresql,
}
