"""Schedules a second of ferrio.testing, beside simloom and simloop. It writes the table of docs/testing.md.

python benches/schedules.py          # measure with every tool that is installed, and write the document
python benches/schedules.py TOOL     # measure one tool, and print its figures as JSON

The tools run the same programs, each in a process of its own, one after the other and several times. The
figures are of the CPU time of the process, and the best of the rounds. Ferrio is installed in asyncio, as
`pytest --ferrio` does it. simloom and simloop come from the package registry; they are measured if they can
be imported.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "testing.md"
BEGIN, END = "<!-- benches/schedules.py writes from here -->", "<!-- to here -->"

ROUNDS = 3

# Seconds of CPU that one measurement takes at least.
LEAST = 0.5

# Runs a coroutine as a task on a host.
_Place = Callable[[str, Coroutine[Any, Any, Any]], Any]


async def lost_update(_: _Place) -> None:
    """Three workers add one to a counter."""
    counter = {"value": 0}

    async def add(turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        value = counter["value"]
        await asyncio.sleep(0)
        counter["value"] = value + 1

    await asyncio.gather(add(0), add(2), add(4))


async def lease(place: _Place) -> None:
    """Five hosts ask a sixth for a lease, hold it for a while and give it back."""
    holder: dict[str, str | None] = {"name": None}
    had: list[str] = []

    async def serve() -> None:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while line := await reader.readline():
                command, name = line.decode().split()
                if command == "take" and holder["name"] is None:
                    holder["name"] = name
                    had.append(name)
                elif command == "give" and holder["name"] == name:
                    holder["name"] = None
                writer.write(f"{holder['name']}\n".encode())
            writer.close()

        server = await asyncio.start_server(handle, "0.0.0.0", 5000)
        async with server:
            await server.serve_forever()

    async def client(name: str) -> None:
        reader, writer = await asyncio.open_connection("store", 5000)
        while True:
            writer.write(f"take {name}\n".encode())
            if (await reader.readline()).decode().strip() == name:
                break
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.05)
        writer.write(f"give {name}\n".encode())
        await reader.readline()
        writer.close()

    serving = place("store", serve())
    await asyncio.sleep(0.5)
    await asyncio.gather(*(place(f"host{number}", client(f"host{number}")) for number in range(5)))
    serving.cancel()
    await asyncio.wait({serving})
    assert sorted(had) == [f"host{number}" for number in range(5)]


async def request(place: _Place) -> None:
    """One request and answer of aiohttp, with its server and its client."""
    import aiohttp
    from aiohttp import web

    async def hello(_: Any) -> web.Response:
        return web.Response(text="hello")

    async def serve() -> None:
        application = web.Application()
        application.router.add_get("/", hello)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "0.0.0.0", 8080).start()
        try:
            await asyncio.sleep(60)
        finally:
            await runner.cleanup()

    async def client() -> None:
        async with aiohttp.ClientSession() as session, session.get("http://web:8080/") as response:
            assert await response.text() == "hello"

    serving = place("web", serve())
    await asyncio.sleep(0.5)
    await place("client", client())
    serving.cancel()
    await asyncio.wait({serving})


PROGRAMS = {
    "lost update of three workers": lost_update,
    "lease over five hosts": lease,
    "aiohttp request and answer": request,
}


def explore_with_ferrio(program: Any, count: int) -> None:
    import ferrio
    from ferrio import testing

    if not ferrio.installed():
        ferrio.install()

    async def test() -> None:
        hosts = testing.network() if program is not lost_update else None

        def place(name: str, coroutine: Any) -> Any:
            assert hosts is not None
            return hosts.host(name).create_task(coroutine)

        await program(place)

    testing.explore(test, schedules=count, network="real" if program is lost_update else "memory")


def explore_with_simloop(program: Any, count: int) -> None:
    from simloop import explore  # type: ignore[import-not-found]

    async def test() -> None:
        loop: Any = asyncio.get_running_loop()
        await program(lambda name, coroutine: loop.net.host(name).create_task(coroutine))

    report = explore(test, range(count))
    assert report is None, report.render()


def explore_with_simloom(program: Any, count: int) -> None:
    import simloom  # type: ignore[import-not-found]

    if program is lost_update:

        async def alone() -> None:
            await program(None)

        result = simloom.explore(alone, runs=count)
    else:

        async def test(world: Any) -> None:
            for name in ("store", "web"):
                world.net.dns.register(name, "0.0.0.0")
            await program(lambda name, coroutine: world.host(name).spawn(coroutine))

        result = simloom.explore(test, runs=count)
    assert not result.failed, result.summary()


TOOLS = {
    "ferrio": explore_with_ferrio,
    "simloom": explore_with_simloom,
    "simloop": explore_with_simloop,
}


def measure(tool: str) -> dict[str, float]:
    """Return schedules a second of CPU time, by program; 0 for a program that the tool cannot run."""
    figures = {}
    for name, program in PROGRAMS.items():
        count = 5
        try:
            while True:
                start = time.process_time()
                TOOLS[tool](program, count)
                spent = time.process_time() - start
                if spent >= LEAST:
                    break
                count = max(count + 1, min(10 * count, int(1.2 * count * LEAST / max(spent, 1e-3))))
        except Exception as error:
            print(f"{tool}, {name}: {error!r}", file=sys.stderr)
            figures[name] = 0.0
        else:
            figures[name] = count / spent
    return figures


def sleepers() -> float:
    """Return the seconds of CPU of a virtual hour of 1,000 tasks that sleep a minute at a time."""
    from ferrio import testing

    async def sleeper() -> None:
        for _ in range(60):
            await asyncio.sleep(60)

    async def main() -> None:
        await asyncio.gather(*(sleeper() for _ in range(1000)))

    start = time.process_time()
    testing.run(main())
    return time.process_time() - start


def sleepers_of_an_hour() -> float:
    """Return the seconds of CPU of a virtual hour of 1,000 tasks that sleep an hour."""
    from ferrio import testing

    async def main() -> None:
        await asyncio.gather(*(asyncio.sleep(3600) for _ in range(1000)))

    start = time.process_time()
    testing.run(main())
    return time.process_time() - start


def in_process(tool: str) -> Any:
    done = subprocess.run([sys.executable, __file__, tool], capture_output=True, text=True, check=True)
    sys.stderr.write(done.stderr)
    return json.loads(done.stdout)


def is_there(tool: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(tool) is not None


def version_of(tool: str) -> str:
    import importlib.metadata

    return f"{tool} {importlib.metadata.version(tool)}" if tool != "ferrio" else "Ferrio"


def table(figures: dict[str, dict[str, float]], hours: list[float]) -> str:
    tools = list(figures)
    others = [tool for tool in tools if tool != "ferrio"]
    lines = [
        "| schedules a second | " + " | ".join(map(version_of, tools)) + " | Ferrio is faster by |",
        "|---|" + "---:|" * (len(tools) + 1),
    ]
    for name in PROGRAMS:
        own = figures["ferrio"][name]
        cells = [f"{figures[tool][name]:,.0f}" if figures[tool][name] else "does not run" for tool in tools]
        ratios = [f"{own / figures[tool][name]:.1f}" for tool in others if figures[tool][name]]
        lines.append(f"| {name} | {' | '.join(cells)} | {', '.join(ratios) or '-'} |")
    return "\n".join(
        [
            f"`benches/schedules.py` measured this on {date.today()} with CPython "
            f"{platform.python_version()}, in CPU time, the best of {ROUNDS} rounds.",
            "Ferrio is installed in asyncio.",
            "",
            *lines,
            "",
            f"A virtual hour of 1,000 tasks takes {hours[0]:.3f} s of CPU time if each sleeps an hour, and "
            f"{hours[1]:.2f} s if each",
            "sleeps sixty times a minute.",
        ]
    )


def main() -> None:
    if len(sys.argv) > 1:
        tool = sys.argv[1]
        print(json.dumps([sleepers_of_an_hour(), sleepers()] if tool == "sleepers" else measure(tool)))
        return
    os.environ.setdefault("PYTHONHASHSEED", "0")
    tools = [tool for tool in TOOLS if is_there(tool)]
    figures: dict[str, dict[str, float]] = {tool: dict.fromkeys(PROGRAMS, 0.0) for tool in tools}
    hours = [float("inf")] * 2
    for _ in range(ROUNDS):
        hours = [min(pair) for pair in zip(hours, in_process("sleepers"), strict=True)]
        for tool in tools:
            for name, value in in_process(tool).items():
                figures[tool][name] = max(figures[tool][name], value)
    text = DOCUMENT.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{table(figures, hours)}\n\n{END}{after}")
    print(table(figures, hours))


if __name__ == "__main__":
    main()
