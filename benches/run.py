"""Compare event loops: time for one operation, each measurement in a process of its own.

    python benches/run.py [--loops ferrio,asyncio,uvloop] [--only NAME] [--rounds N]

Loops take turns, so that a noisy machine is noisy for all of them; medians are printed, in nanoseconds,
with the ratio to asyncio.
"""

import argparse
import asyncio
import importlib.util
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

LOOPS = {"ferrio": "ferrio", "asyncio": "asyncio", "uvloop": "uvloop"}


async def sleep_zero(count: int) -> None:
    """A task that gives way."""
    for _ in range(count):
        await asyncio.sleep(0)


async def create_task_and_await(count: int) -> None:
    """A task that is made, run and awaited."""

    async def nothing() -> None:
        pass

    for _ in range(count):
        await asyncio.create_task(nothing())


async def future_wakeup(count: int) -> None:
    """A future that a callback completes."""
    loop = asyncio.get_running_loop()
    for _ in range(count):
        future = loop.create_future()
        loop.call_soon(future.set_result, None)
        await future


async def gather_of_100(count: int) -> None:
    """A hundred coroutines at once; the time is for each of them."""

    async def nothing() -> None:
        pass

    for _ in range(count // 100):
        await asyncio.gather(*[nothing() for _ in range(100)])


async def call_soon_chained(count: int) -> None:
    """A callback that schedules the next."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    left = count

    def callback() -> None:
        nonlocal left
        left -= 1
        if left:
            loop.call_soon(callback)
        else:
            done.set_result(None)

    loop.call_soon(callback)
    await done


async def call_later_cancelled(count: int) -> None:
    """A timer that is set and cancelled."""
    loop = asyncio.get_running_loop()
    for number in range(count):
        loop.call_later(1000, int).cancel()
        if number % 1000 == 0:
            await asyncio.sleep(0)


async def queue_ping_pong(count: int) -> None:
    """An item to another task and back."""
    there: asyncio.Queue[int] = asyncio.Queue()
    back: asyncio.Queue[int] = asyncio.Queue()

    async def answer() -> None:
        for _ in range(count):
            back.put_nowait(await there.get())

    task = asyncio.create_task(answer())
    for number in range(count):
        there.put_nowait(number)
        await back.get()
    await task


async def echo_by_protocol(count: int) -> None:
    """1 KB there and back, client and server in one process."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    message = b"x" * 1024

    class Server(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            self.transport.write(data)

    class Client(Server):
        left = count

        def data_received(self, data: bytes) -> None:
            self.left -= 1
            if self.left:
                self.transport.write(message)
            elif not done.done():
                done.set_result(None)

    server = await loop.create_server(Server, "127.0.0.1", 0)
    transport, _ = await loop.create_connection(Client, *server.sockets[0].getsockname())
    transport.write(message)
    await done
    transport.close()
    server.close()


async def echo_by_streams(count: int) -> None:
    """1 KB there and back, client and server in one process."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            writer.write(data)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    message = b"x" * 1024
    for _ in range(count):
        writer.write(message)
        await reader.readexactly(1024)
    writer.close()
    server.close()


Row = Callable[[int], Awaitable[None]]

ROWS: dict[str, tuple[Row, int]] = {
    "sleep(0)": (sleep_zero, 100_000),
    "create_task and await": (create_task_and_await, 50_000),
    "a future's wake-up": (future_wakeup, 50_000),
    "gather of 100, each": (gather_of_100, 50_000),
    "call_soon, chained": (call_soon_chained, 100_000),
    "call_later, cancelled": (call_later_cancelled, 100_000),
    "queue ping-pong": (queue_ping_pong, 20_000),
    "echo by Protocol, 1 KB": (echo_by_protocol, 10_000),
    "echo by streams, 1 KB": (echo_by_streams, 5_000),
}


def measure(loop: str, row: str) -> float:
    """Run one row in this process; return nanoseconds of CPU time for one operation."""
    function, count = ROWS[row]

    async def main() -> float:
        await function(count // 10)
        start = time.process_time_ns()
        await function(count)
        return (time.process_time_ns() - start) / count

    module = importlib.import_module(LOOPS[loop])
    with asyncio.Runner(loop_factory=module.new_event_loop) as runner:
        return runner.run(main())


def main() -> None:
    """Run the rows and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--loops", default=",".join(LOOPS))
    parser.add_argument("--only", default="")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(*args.measure)))
        return
    loops = [name for name in args.loops.split(",") if importlib.util.find_spec(LOOPS[name])]
    print(f"CPython {sys.version.split()[0]}; ns of CPU time for one operation, median of {args.rounds}")
    print(f"{'':24}" + "".join(f"{name:>16}" for name in loops))
    for row in ROWS:
        if args.only not in row:
            continue
        times: dict[str, list[float]] = {name: [] for name in loops}
        for _ in range(args.rounds):
            for name in loops:
                command = [sys.executable, __file__, "--measure", name, row]
                times[name].append(json.loads(subprocess.check_output(command)))
        medians = {name: statistics.median(values) for name, values in times.items()}
        base = medians.get("asyncio")
        cells = [f"{m:9.0f} {base / m:5.1f}x" if base else f"{m:16.0f}" for m in medians.values()]
        print(f"{row:24}" + "".join(f"{cell:>16}" for cell in cells))


if __name__ == "__main__":
    main()
