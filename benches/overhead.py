"""What counting and timing cost: two packages of Ferrio, side by side in one run.

    benches/overhead.py WITHOUT WITH [--instructions]

WITHOUT and WITH are folders with a package `ferrio` for the interpreter that runs this, for example the
site-packages of two builds. It prints CPU time for each operation (the least of several runs that alternate),
and the same with the times of tasks noted. With --instructions: instructions under valgrind, which a busy
machine does not change.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys

ROWS = {
    "sleep(0)": 60_000,
    "create_task": 60_000,
    "wake-up": 60_000,
    "queue": 60_000,
    "lock": 60_000,
    "echo": 8_000,
}
RUNS = 9

# Between these two counts there are so many operations more, and nothing else. After the first, free lists
# are full and the interpreter has specialised its code.
FEW, MANY = 2_000, 4_000

PROGRAM = """
import asyncio, sys, time
import ferrio

row, count, timed = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "timed"

async def sleep():
    for _ in range(count):
        await ferrio.sleep(0)

async def create():
    async def nothing():
        pass
    for _ in range(count):
        await ferrio.create_task(nothing())

async def wake():
    loop = asyncio.get_running_loop()
    for _ in range(count):
        future = loop.create_future()
        loop.call_soon(future.set_result, None)
        await future

async def queue():
    there, back = ferrio.Queue(), ferrio.Queue()
    async def answer():
        for _ in range(count):
            await back.put(await there.get())
    task = ferrio.create_task(answer())
    for _ in range(count):
        await there.put(1)
        await back.get()
    await task

async def lock():
    one = ferrio.Lock()
    for _ in range(count):
        async with one:
            pass

async def echo():
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    class Echo(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport = transport
        def data_received(self, data):
            self.transport.write(data)
    class Client(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport, self.answers = transport, 0
            transport.write(bytes(64))
        def data_received(self, data):
            self.answers += 1
            if self.answers == count:
                done.set_result(None)
            else:
                self.transport.write(data)
    server = await loop.create_server(Echo, "127.0.0.1", 0)
    transport, _ = await loop.create_connection(Client, *server.sockets[0].getsockname())
    await done
    transport.close()
    server.close()

async def main():
    if timed:
        asyncio.get_running_loop()._time_tasks(True)
    rows = {"sleep(0)": sleep, "create_task": create, "wake-up": wake, "queue": queue, "lock": lock}
    work = rows.get(row, echo)
    start = time.process_time()
    await work()
    print((time.process_time() - start) / count * 1e6)

ferrio.run(main())
"""


def run(folder: str, row: str, count: int, timed: str, *before: str) -> subprocess.CompletedProcess[str]:
    """Run a row with the package of a folder."""
    command = [*before, sys.executable, "-c", PROGRAM, row, str(count), timed]
    environment = os.environ | {"PYTHONPATH": folder, "PYTHONHASHSEED": "0"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True)


def instructions(folder: str, row: str, timed: str) -> float:
    """Return how many instructions an operation takes."""
    valgrind = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")
    few, many = (
        int(re.findall(r"Collected : (\d+)", run(folder, row, count, timed, *valgrind).stderr)[0])
        for count in (FEW, MANY)
    )
    return (many - few) / (MANY - FEW)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("without")
    parser.add_argument("with_")
    parser.add_argument("--instructions", action="store_true")
    options = parser.parse_args()
    cases = {
        "without": (os.path.abspath(options.without), ""),
        "with": (os.path.abspath(options.with_), ""),
        "timed": (os.path.abspath(options.with_), "timed"),
    }
    unit = "instructions" if options.instructions else "microseconds"
    print(f"{unit:14} {'without':>9} {'with':>9} {'timed':>9}   with/without  timed/with")
    for row, count in ROWS.items():
        if options.instructions:
            found = {name: instructions(folder, row, timed) for name, (folder, timed) in cases.items()}
        else:
            times: dict[str, list[float]] = {name: [] for name in cases}
            for _ in range(RUNS):
                for name, (folder, timed) in cases.items():
                    times[name].append(float(run(folder, row, count, timed).stdout))
            found = {name: min(values) for name, values in times.items()}
        ratios = found["with"] / found["without"], found["timed"] / found["with"]
        cells = " ".join(f"{found[name]:9.3f}" for name in cases)
        print(f"{row:14} {cells}   {ratios[0]:12.3f}  {ratios[1]:10.3f}", flush=True)


if __name__ == "__main__":
    main()
