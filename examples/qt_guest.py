"""A window of Qt that stays alive while a hundred tasks, a download and a child process work.

python qt_guest.py         # press the button; close the window to end
python qt_guest.py --demo  # it presses the button itself, prints what it did, and ends
"""

import asyncio
import sys

from ferrio.guest import qt
from PySide6 import QtCore, QtWidgets

TASKS = 100
PAGE_SIZE = 1_000_000


class Window:
    """A button, a progress bar, a line for the download, and a text box."""

    def __init__(self) -> None:
        self.widget = QtWidgets.QWidget()
        self.widget.setWindowTitle("Ferrio in Qt")
        self.button = QtWidgets.QPushButton("Start")
        self.bar = QtWidgets.QProgressBar()
        self.bar.setMaximum(TASKS)
        self.bar.setValue(0)
        self.download = QtWidgets.QLabel("Nothing downloaded yet.")
        self.printed = QtWidgets.QPlainTextEdit()
        layout = QtWidgets.QVBoxLayout(self.widget)
        for part in (self.button, self.bar, self.download, self.printed):
            layout.addWidget(part)
        self.widget.show()


async def serve_page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A web server with one page, for the download."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + bytes(PAGE_SIZE))
    await writer.drain()
    writer.close()


async def work(window: Window, number: int) -> None:
    """One of a hundred tasks: it waits a little, and moves the bar."""
    await asyncio.sleep(0.01 * number)
    window.bar.setValue(window.bar.value() + 1)


async def download(window: Window) -> None:
    """Fetch the page; show how much has come."""
    server = await asyncio.start_server(serve_page, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    size = 0
    while data := await reader.read(65536):
        size += len(data)
        window.download.setText(f"{size:,} bytes downloaded.")
    writer.close()
    server.close()


async def run_program(window: Window) -> None:
    """Show what a child process prints, line by line."""
    code = "import time\nfor n in range(5): print('line', n, flush=True); time.sleep(0.05)"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    async for line in process.stdout:
        window.printed.appendPlainText(line.decode().strip())
    await process.wait()


async def start(window: Window) -> None:
    """Everything at once."""
    await asyncio.gather(
        download(window), run_program(window), *(work(window, number) for number in range(TASKS))
    )


async def main(*, demo: bool) -> None:
    """Wait for the button; in a demonstration press it."""
    window = Window()
    if demo:
        QtCore.QTimer.singleShot(100, window.button.click)
    while True:
        await qt.signal(window.button.clicked)
        await start(window)
        if demo:
            print(f"{window.bar.value()} of {TASKS} tasks have moved the bar.")
            print(window.download.text())
            print(window.printed.toPlainText())
            return


if __name__ == "__main__":
    qt.run(main(demo="--demo" in sys.argv), QtWidgets.QApplication([]))
