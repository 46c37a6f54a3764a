"""The servers that some suites talk to, on a Unix socket or the loopback address; each ends with its suite."""

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_START_LIMIT = 30  # seconds


class Missing(Exception):
    """The machine lacks the server; the message says how to get it."""


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
            raise SystemExit(f"ecosystem: {server.args} does not start\n{log.read_text(errors='replace')}")
        time.sleep(0.05)


@contextlib.contextmanager
def _running(command: list[str], port: int, log: Path, user: str | None) -> Iterator[None]:
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, user=user, cwd="/"
        )
    try:
        _wait_for(port, server, log)
        yield
    finally:
        server.terminate()
        try:
            server.wait(_START_LIMIT)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _unprivileged() -> str | None:
    """Return the user who may run a server that refuses root, or None if this is not root."""
    if os.geteuid():
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


@contextlib.contextmanager
def _folder(user: str | None) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ferrio-ecosystem-", ignore_cleanup_errors=True) as name:
        if user is not None:
            shutil.chown(name, user)
        yield Path(name)


@contextlib.contextmanager
def redis() -> Iterator[tuple[list[str], dict[str, str]]]:
    """Run redis-server; yield what pytest and the environment are told about it."""
    program = shutil.which("redis-server")
    if program is None:
        raise Missing("redis-server: apt-get install redis-server")
    port = _free_port()
    with _folder(None) as folder:
        command = [program, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(folder)]
        # Its tests use DEBUG.
        command += ["--enable-debug-command", "yes"]
        with _running(command, port, folder / "log", None):
            yield [f"--redis-url=redis://127.0.0.1:{port}/0"], {}


@contextlib.contextmanager
def postgresql() -> Iterator[tuple[list[str], dict[str, str]]]:
    """Run PostgreSQL; yield what pytest and the environment are told about it."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(Path(path).parent.name))
    binaries = found[-1] if found else os.path.dirname(shutil.which("postgres") or "")
    if not binaries:
        raise Missing("postgres: apt-get install postgresql")
    user = _unprivileged()
    port = _free_port()
    with _folder(user) as folder:
        data = str(folder / "data")
        command = [f"{binaries}/initdb", "--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8", data]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, user=user, cwd="/")
        command = [f"{binaries}/postgres", "-D", data, "-p", str(port), "-k", str(folder)]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=200"]
        with _running(command, port, folder / "log", user):
            yield [], {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "postgres", "PGDATABASE": "postgres"}


SERVICES = {"redis": redis, "postgresql": postgresql}
