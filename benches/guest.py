"""Loops inside of the main loops of toolkits: how late, how busy. It writes the tables of docs/guest.md.

python benches/guest.py          # measure with every toolkit that is installed, and write the document
python benches/guest.py ROW      # measure one row, and print it as JSON

Each row is a process of its own. Windows need a display: set DISPLAY, or have Xvfb installed. A neighbour's
load shows in the figures, so let the machine rest.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "guest.md"
BEGIN, END = "<!-- benches/guest.py writes from here -->", "<!-- to here -->"

# How long a row is idle, and switches tasks, in seconds.
SECONDS = 3.0

# What comes over the socket: so many times the sender's clock, so many seconds apart.
MESSAGES, BETWEEN_MESSAGES = 300, 0.0073

# Timers: so many, of so many seconds.
TIMERS, DELAY = 200, 0.0051

# The recipe that asks every 10 ms whether there is something to do.
POLLING_MILLISECONDS = 10

# 60 pictures a second are asked for.
SECONDS_OF_A_PICTURE = 1 / 60

SENDER = f"""
import socket, struct, sys, time
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
time.sleep(0.2)
for _ in range({MESSAGES}):
    connection.sendall(struct.pack("d", time.monotonic()))
    time.sleep({BETWEEN_MESSAGES})
"""


class Receiver(asyncio.Protocol):
    """Notes how old each message is."""

    def __init__(self, ages: list[float], ended: asyncio.Event) -> None:
        self.ages, self.ended = ages, ended

    def data_received(self, data: bytes) -> None:
        import struct

        now = time.monotonic()
        self.ages += [now - sent for (sent,) in struct.iter_unpack("d", data)]

    def connection_lost(self, _: Exception | None) -> None:
        self.ended.set()


async def message_ages() -> list[float]:
    ages: list[float] = []
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Receiver(ages, ended), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with subprocess.Popen([sys.executable, "-c", SENDER, str(port)]) as sender:
        await ended.wait()
        sender.wait()
    server.close()
    return ages


async def timer_delays() -> list[float]:
    late = []
    for _ in range(TIMERS):
        start = time.monotonic()
        await asyncio.sleep(DELAY)
        late.append(time.monotonic() - start - DELAY)
    return late


def used() -> tuple[float, int]:
    """CPU seconds and voluntary switches of this process, with all its threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime, usage.ru_nvcsw


async def main(pictures: Callable[[], int]) -> dict[str, float]:
    """All measurements of a row."""
    await asyncio.sleep(0.5)
    before = used()
    await asyncio.sleep(SECONDS)
    idle = used()
    ages, late = await message_ages(), await timer_delays()
    switches, drawn, start = 0, pictures(), time.monotonic()
    while time.monotonic() - start < SECONDS:
        await asyncio.sleep(0)
        switches += 1
    took = time.monotonic() - start
    return {
        "idle_cpu": (idle[0] - before[0]) / SECONDS,
        "idle_switches": (idle[1] - before[1]) / SECONDS,
        "message": statistics.median(ages),
        "message_99": sorted(ages)[len(ages) * 99 // 100],
        "timer": statistics.median(late),
        "switches": switches / took,
        "pictures": (pictures() - drawn) / took,
    }


Main = Callable[[Callable[[], int]], Coroutine[Any, Any, dict[str, float]]]


def poll_by_ferrio(main: Main) -> Any:
    """No toolkit at all: a poll in Python."""
    sys.path.insert(0, str(ROOT / "tests"))
    from ferrio import guest
    from support.poll_host import PollHost

    return guest.run(main(lambda: 0), PollHost())


def tk_window() -> tuple[Any, Callable[[], int]]:
    """A window that counts its pictures: 60 a second are due, and counted when Tk comes to draw."""
    import tkinter

    root, drawn, began, count = tkinter.Tk(), 0, 0.0, 0

    def draw() -> None:
        nonlocal drawn
        drawn += 1

    def due() -> None:
        nonlocal count
        count += 1
        late = time.monotonic() - began - count * SECONDS_OF_A_PICTURE
        root.after(max(1, round((SECONDS_OF_A_PICTURE - late) * 1000)), due)
        root.after_idle(draw)

    def pictures() -> int:
        # Idle means idle: pictures begin when they are asked for.
        nonlocal began
        if not began:
            began = time.monotonic()
            due()
        return drawn

    return root, pictures


def tk_by_ferrio(main: Main) -> Any:
    from ferrio.guest import tk

    root, pictures = tk_window()
    return tk.run(main(pictures), root)


def tk_by_polling(main: Main) -> Any:
    """The recipe with asyncio's loop: run what is ready, every 10 ms."""
    root, pictures = tk_window()
    loop = asyncio.new_event_loop()
    task = loop.create_task(main(pictures))

    def poll() -> None:
        loop.call_soon(loop.stop)
        loop.run_forever()
        if task.done():
            root.quit()
        else:
            root.after(POLLING_MILLISECONDS, poll)

    root.after(POLLING_MILLISECONDS, poll)
    root.mainloop()
    return task.result()


def qt_window() -> tuple[Any, Any, Callable[[], int]]:
    from PySide6 import QtCore, QtWidgets

    app, drawn = QtWidgets.QApplication([]), [0]

    class Window(QtWidgets.QWidget):
        def paintEvent(self, _: Any) -> None:
            drawn[0] += 1

    window = Window()
    window.show()
    timer = QtCore.QTimer(
        window, interval=round(SECONDS_OF_A_PICTURE * 1000), timerType=QtCore.Qt.TimerType.PreciseTimer
    )
    timer.timeout.connect(window.update)

    def pictures() -> int:
        if not timer.isActive():
            timer.start()
        return drawn[0]

    return app, window, pictures


def qt_by_ferrio(main: Main) -> Any:
    from ferrio.guest import qt

    app, _window, pictures = qt_window()
    return qt.run(main(pictures), app)


def qt_by_polling(main: Main) -> Any:
    from PySide6 import QtCore

    app, _window, pictures = qt_window()
    loop = asyncio.new_event_loop()
    task = loop.create_task(main(pictures))

    def poll() -> None:
        loop.call_soon(loop.stop)
        loop.run_forever()
        if task.done():
            app.quit()

    timer = QtCore.QTimer(interval=POLLING_MILLISECONDS)
    timer.timeout.connect(poll)
    timer.start()
    app.exec()
    return task.result()


def qt_by_qasync(main: Main) -> Any:
    import qasync

    app, _window, pictures = qt_window()
    with qasync.QEventLoop(app) as loop:
        return loop.run_until_complete(main(pictures))


def glib_by_ferrio(main: Main) -> Any:
    from ferrio.guest import glib

    return glib.run(main(lambda: 0))


ROWS: dict[str, tuple[str, Callable[[Main], Any]]] = {
    "poll": ("poll in Python, Ferrio", poll_by_ferrio),
    "tk": ("Tkinter, Ferrio", tk_by_ferrio),
    "tk-polling": ("Tkinter, asyncio polled every 10 ms", tk_by_polling),
    "qt": ("Qt, Ferrio", qt_by_ferrio),
    "qt-polling": ("Qt, asyncio polled every 10 ms", qt_by_polling),
    "qt-qasync": ("Qt, qasync", qt_by_qasync),
    "glib": ("GLib, Ferrio", glib_by_ferrio),
}


@contextlib.contextmanager
def display() -> Iterator[None]:
    """A display without a screen, where there is none."""
    if "DISPLAY" in os.environ or shutil.which("Xvfb") is None:
        yield
        return
    read, write = os.pipe()
    with subprocess.Popen(
        ["Xvfb", "-displayfd", str(write)], pass_fds=[write], stderr=subprocess.DEVNULL
    ) as server:
        os.close(write)
        with open(read, encoding="ascii") as numbers:
            os.environ["DISPLAY"] = f":{numbers.readline().strip()}"
        yield
        del os.environ["DISPLAY"]
        server.terminate()


def measure() -> dict[str, dict[str, float]]:
    """Every row that this machine has the parts for."""
    found = {}
    for row in ROWS:
        done = subprocess.run(
            [sys.executable, __file__, row], capture_output=True, text=True, check=False, timeout=120
        )
        if done.returncode == 0:
            found[row] = json.loads(done.stdout)
            print(row, found[row], flush=True)
        else:
            print(f"{row} is left out: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
    return found


def table(found: dict[str, dict[str, float]]) -> str:
    """The rows as a table."""

    def milliseconds(seconds: float) -> str:
        return f"{seconds * 1e3:.2f}"

    lines = [
        f"CPython {platform.python_version()}, Linux {platform.release()}, {os.cpu_count()} cores, "
        f"{date.today()}. The load of the machine was {os.getloadavg()[0]:.0f}.",
        "",
        "| main loop, asyncio by | idle: switches/s | idle: CPU % | byte, median ms | byte, 99 % ms "
        "| timer late, median ms | task switches/s | pictures/s meanwhile |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row, figures in found.items():
        drawn = "" if row in {"poll", "glib"} else f"{figures['pictures']:.0f}"
        lines.append(
            f"| {ROWS[row][0]} | {figures['idle_switches']:.1f} | {figures['idle_cpu'] * 100:.2f} "
            f"| {milliseconds(figures['message'])} | {milliseconds(figures['message_99'])} "
            f"| {milliseconds(figures['timer'])} | {figures['switches']:,.0f} | {drawn} |"
        )
    return "\n".join(lines)


def write(text: str) -> None:
    """Put the tables into the document."""
    before, rest = DOCUMENT.read_text().split(BEGIN)
    after = rest.split(END)[1]
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(ROWS[sys.argv[1]][1](main)))
    else:
        with display():
            write(table(measure()))
