"""Network rows: a server of one loop on one core, the load client on the other.

What is measured is the server's CPU time for one request, in microseconds, all its threads together, from
the kernel's accounting.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import loops

ROOT = Path(__file__).parent.parent
CLIENT = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "ferrio-bench"
YARDSTICKS = ("epoll", "uring")

# Each takes turns with the others, so short windows see the same weather.
WINDOW = 1.0
WARMUP = 0.3


class Row(NamedTuple):
    """A measurement: a kind of server, an address, and the load client's options."""

    group: str
    server: str
    address: str
    load: tuple[str, ...]
    # Whether the echo servers without Python can serve it too.
    yardsticks: bool
    # Part of a quick run.
    quick: bool


ROWS: dict[str, Row] = {}

TCP, UNIX, UDP = "tcp:127.0.0.1:0", "unix:", "udp:127.0.0.1:0"
SIZES = {"64 B": 64, "1 KB": 1024, "10 KB": 10_240, "100 KB": 102_400, "1 MB": 1_048_576}
SERVERS = {"Protocol": "protocol", "BufferedProtocol": "buffered", "streams": "streams", "sock_*": "sock"}


def add(
    name: str,
    group: str,
    server: str,
    address: str,
    quick: bool = False,
    yardsticks: bool = False,
    **options: Any,
) -> None:
    """Add a row; options are those of the load client."""
    load: list[str] = []
    for key, value in options.items():
        load += [f"--{key}"] if value is True else [f"--{key}", str(value)]
    ROWS[name] = Row(group, server, address, tuple(load), yardsticks, quick)


def _add_echoes() -> None:
    for what, server in SERVERS.items():
        for size_name, size in SIZES.items():
            for connections in (1, 10, 200, 1000):
                if size > 102_400 and connections > 10:
                    continue  # gigabytes under way
                add(
                    f"echo by {what}, {size_name}, {connections} connections",
                    f"echo by {what}",
                    server,
                    TCP,
                    quick=(size, connections) in {(1024, 200), (102_400, 10), (1_048_576, 10)},
                    yardsticks=True,
                    size=size,
                    connections=connections,
                )
        for size_name, size in (("1 KB", 1024), ("100 KB", 102_400)):
            add(
                f"echo by {what} over a Unix socket, {size_name}, 200 connections",
                f"echo by {what}, Unix",
                server,
                UNIX,
                quick=size == 1024,
                yardsticks=True,
                size=size,
                connections=200,
            )


_add_echoes()
for _size in (64, 1024, 8192):
    add(
        f"UDP echo, {_size} B, 20 sockets",
        "UDP",
        "udp",
        UDP,
        quick=_size == 1024,
        yardsticks=True,
        size=_size,
        connections=20,
    )
for _what, _server in (("Protocol", "protocol+tls"), ("streams", "streams+tls")):
    for _name, _size in (("1 KB", 1024), ("100 KB", 102_400)):
        add(
            f"TLS echo by {_what}, {_name}, 50 connections",
            f"TLS by {_what}",
            _server,
            TCP,
            quick=_size == 1024,
            tls=True,
            size=_size,
            connections=50,
        )
add(
    "TLS handshakes",
    "TLS handshakes",
    "protocol+tls",
    TCP,
    quick=True,
    tls=True,
    kind="handshake",
    connections=10,
)
add(
    "connect, one echo, close",
    "connections",
    "protocol",
    TCP,
    quick=True,
    yardsticks=True,
    kind="accept",
    size=64,
    connections=50,
)
add(
    "pipelined echo by Protocol, 64 B, 16 at once, 50 connections",
    "pipelined",
    "protocol",
    TCP,
    quick=True,
    yardsticks=True,
    size=64,
    depth=16,
    connections=50,
)
add(
    "bulk to the server",
    "bulk",
    "sink",
    TCP,
    quick=True,
    yardsticks=True,
    kind="sink",
    size=65_536,
    connections=4,
)
add("bulk from the server", "bulk", "source", TCP, quick=True, yardsticks=True, kind="source", connections=4)
add("HTTP by protocol and httptools", "HTTP", "http", TCP, quick=True, kind="http", connections=100)
add("uvicorn", "HTTP", "uvicorn", TCP, quick=True, kind="http", connections=100)
add("aiohttp", "HTTP", "aiohttp", TCP, quick=True, kind="http", connections=100)
add(
    "echo by Protocol, 1 KB, 200 connections beside 10,000 idle ones",
    "idle connections",
    "protocol",
    TCP,
    quick=True,
    yardsticks=True,
    size=1024,
    connections=200,
    idle=10_000,
)


def pinned(core: int) -> Any:
    """Return what moves a child process to a core, where there is more than one."""
    if (os.cpu_count() or 1) < 2:
        return None
    return lambda: os.sched_setaffinity(0, {core})


def build_client() -> None:
    """Build the load client."""
    command = ["cargo", "build", "--quiet", "--release", "--package", "ferrio-bench"]
    subprocess.run(command, cwd=ROOT, check=True)


def participants(row: Row, chosen: list[str]) -> list[str]:
    """Return who takes part in a row."""
    return [
        one
        for one in chosen
        if one not in YARDSTICKS
        or (row.yardsticks and (one == "epoll" or row.server not in {"udp", "sink", "source"}))
    ]


class Server:
    """A server in a process of its own."""

    def __init__(self, loop: str, kind: str, address: str, core: int = 0) -> None:
        if loop in YARDSTICKS:
            if address == UNIX:
                address = f"unix:/tmp/ferrio-bench-{os.getpid()}"
                Path(address.removeprefix("unix:")).unlink(missing_ok=True)
            command = [str(CLIENT), "serve", loop, address]
            if kind in {"sink", "source"}:
                command.append(kind)
        else:
            script = str(Path(__file__).parent / "servers.py")
            command = [sys.executable, script, loop, kind, address]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            preexec_fn=pinned(core),
        )
        assert self.process.stdout
        self.address = self.process.stdout.readline().strip()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def load(self, options: tuple[str, ...], window: float = WINDOW) -> dict[str, float]:
        """Load the server, and return what the client reports."""
        command = [str(CLIENT), "load", self.address, "--pid", str(self.process.pid), *options]
        command += ["--seconds", str(window), "--warmup", str(WARMUP)]
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=True, preexec_fn=pinned(1)
        )
        return dict(json.loads(answer.stdout))


def measure(loop: str, name: str) -> float:
    """Run one row on one loop: CPU microseconds for a request (of bulk: for 100 KB)."""
    row = ROWS[name]
    with Server(loop, row.server, row.address) as server:
        # A server has seen connections come and go: the C library's allocator takes other ways afterwards.
        server.load(row.load, window=0.1)
        report = server.load(row.load)
    requests = report["requests"] if row.group != "bulk" else report["bytes"] / 102_400
    if not requests:
        raise RuntimeError(f"{loop} has answered nothing")
    return report["server_cpu_seconds"] / requests * 1e6


def available() -> list[str]:
    """Return the loops and yardsticks that there are."""
    return [*loops.available(), *YARDSTICKS]
