"""System rows: start-up, memory, subprocesses, name resolution, accuracy of timers, system calls.

    python benches/system.py LOOP ROW

runs one row that happens within one process; the others are run from outside.
"""

import asyncio
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import loops
import network

Inside = Callable[[], Awaitable[float]]
Outside = Callable[[str], float]


class Row(NamedTuple):
    """A measurement, made inside of a process that runs the loop, or from outside."""

    group: str
    unit: str
    inside: Inside | None
    outside: Outside | None


ROWS: dict[str, Row] = {}


def inside(name: str, group: str, unit: str) -> Callable[[Inside], Inside]:
    """Add a row that runs within the loop."""

    def add(function: Inside) -> Inside:
        ROWS[name] = Row(group, unit, function, None)
        return function

    return add


def outside(name: str, group: str, unit: str) -> Callable[[Outside], Outside]:
    """Add a row that starts processes of its own."""

    def add(function: Outside) -> Outside:
        ROWS[name] = Row(group, unit, None, function)
        return function

    return add


async def median_time(count: int, operation: Callable[[], Awaitable[Any]]) -> float:
    """Return the median time of an operation, in microseconds."""
    times = []
    for _ in range(count):
        start = time.perf_counter()
        await operation()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


async def spawn() -> None:
    """Run a program that does nothing, and wait for its end."""
    process = await asyncio.create_subprocess_exec("/bin/true")
    await process.wait()


@inside("subprocess, spawn and wait", "subprocess", "us")
async def spawn_and_wait() -> float:
    return await median_time(100, spawn)


@inside("subprocess, spawn and wait, parent of 1 GB", "subprocess", "us")
async def spawn_and_wait_large() -> float:
    memory = bytearray(1 << 30)
    for offset in range(0, len(memory), 4096):
        memory[offset] = 1
    return await median_time(50, spawn)


@inside("getaddrinfo of a literal address", "getaddrinfo", "us")
async def getaddrinfo_literal() -> float:
    loop = asyncio.get_running_loop()
    return await median_time(500, lambda: loop.getaddrinfo("127.0.0.1", 80))


@inside("getaddrinfo of localhost", "getaddrinfo", "us")
async def getaddrinfo_localhost() -> float:
    loop = asyncio.get_running_loop()
    return await median_time(300, lambda: loop.getaddrinfo("localhost", 80))


def resident() -> int:
    """Return this process's resident memory, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@inside("memory for a pending task", "memory", "bytes")
async def memory_of_task() -> float:
    count = 100_000
    forever = asyncio.get_running_loop().create_future()

    async def wait() -> None:
        await forever

    before = resident()
    tasks = [asyncio.create_task(wait()) for _ in range(count)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    after = resident()
    forever.set_result(None)
    await asyncio.gather(*tasks)
    return (after - before) / count


@inside("memory for a pending timer", "memory", "bytes")
async def memory_of_timer() -> float:
    count = 200_000
    loop = asyncio.get_running_loop()
    before = resident()
    timers = [loop.call_later(1000, int) for _ in range(count)]
    after = resident()
    for timer in timers:
        timer.cancel()
    return (after - before) / count


def add_sleep(milliseconds: float) -> None:
    """Add the rows for a sleep's accuracy."""

    async def deviations() -> list[float]:
        found = []
        for _ in range(200):
            start = time.monotonic()
            await asyncio.sleep(milliseconds / 1000)
            found.append((time.monotonic() - start) * 1e6 - milliseconds * 1000)
        return found

    @inside(f"sleep of {milliseconds} ms, late by (median)", "timers", "us")
    async def late() -> float:
        return statistics.median(await deviations())

    @inside(f"sleep of {milliseconds} ms, early by (most)", "timers", "us")
    async def early() -> float:
        return max(0.0, -min(await deviations()))


for _milliseconds in (0.1, 1, 2.5):
    add_sleep(_milliseconds)


@inside("wake-ups of an idle loop in a second", "timers", "")
async def idle_wakeups() -> float:
    await asyncio.sleep(0.1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw
    await asyncio.sleep(2)
    # The end of the sleep is one.
    return (resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw - before - 1) / 2


@outside("import and an empty run", "start-up", "ms")
def start_up(loop: str) -> float:
    if loop == "asyncio":
        code = "import asyncio\nasync def main(): pass\nasyncio.run(main())"
    elif loop == "ferrio":
        code = "import ferrio\nasync def main(): pass\nferrio.run(main())"
    else:
        package = loops.package(loop)
        code = (
            f"import asyncio, {package}\nasync def main(): pass\n"
            f"asyncio.Runner(loop_factory={package}.new_event_loop).run(main())"
        )
    # With the modules' bytecode on the disk, as on any but the first start.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    times = []
    for _ in range(21):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, env=environment)
        times.append(time.perf_counter() - start)
    return min(times[1:]) * 1000


@outside("memory for an idle connection", "memory", "bytes")
def memory_of_connection(loop: str) -> float:
    count = 5000
    with network.Server(loop, "protocol", network.TCP) as server:
        statm = Path(f"/proc/{server.process.pid}/statm")
        server.load(("--connections", "1"), window=0.2)
        before = int(statm.read_text().split()[1])
        command = [str(network.CLIENT), "load", server.address, "--idle", str(count), "--seconds", "5"]
        client = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        open_now = Path(f"/proc/{server.process.pid}/fd")
        deadline = time.monotonic() + 20
        while len(list(open_now.iterdir())) < count and time.monotonic() < deadline:
            time.sleep(0.05)
        # The last ones have been accepted, and are being given to their protocols.
        time.sleep(0.5)
        after = int(statm.read_text().split()[1])
        client.kill()
        client.wait()
    return (after - before) * resource.getpagesize() / count


@outside("system calls for one echo by Protocol", "system calls", "")
def system_calls(loop: str) -> float:
    if shutil.which("strace") is None:
        raise RuntimeError("strace is not installed")
    with network.Server(loop, "protocol", network.TCP) as server:
        command = ["strace", "-f", "-c", "-p", str(server.process.pid)]
        tracer = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        time.sleep(0.5)
        options = ["--connections", "1", "--warmup", "0", "--seconds", "1"]
        load = [str(network.CLIENT), "load", server.address, *options]
        report = json.loads(subprocess.check_output(load))
        tracer.send_signal(2)
        _, summary = tracer.communicate()
    total = re.search(r"^\s*100\.00\s+\S+\s+\S+\s+(\d+)", summary, re.MULTILINE)
    if total is None:
        raise RuntimeError("strace has said nothing")
    return int(total[1]) / report["requests"]


def measure_here(loop: str, name: str) -> float:
    """Run a row of this process."""
    function = ROWS[name].inside
    assert function

    async def main() -> float:
        return await function()

    return float(loops.run(loop, main()))


def measure(loop: str, name: str) -> float:
    """Run one row on one loop."""
    row = ROWS[name]
    if row.outside:
        return row.outside(loop)
    command = [sys.executable, __file__, loop, name]
    answer = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=True, preexec_fn=network.pinned(1)
    )
    return float(answer.stdout)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONASYNCIODEBUG", "")
    print(json.dumps(measure_here(sys.argv[1], sys.argv[2])))
