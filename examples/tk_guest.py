"""A window of Tkinter that stays alive while a hundred tasks, a download and a child process work.

python tk_guest.py         # press the button; close the window to end
python tk_guest.py --demo  # it presses the button itself, prints what it did, and ends
"""

import asyncio
import sys
import tkinter
from tkinter import ttk

from ferrio.guest import tk

TASKS = 100
PAGE_SIZE = 1_000_000


class Window:
    """A button, a progress bar, a line for the download, and a text box."""

    def __init__(self, root: tkinter.Tk) -> None:
        root.title("Ferrio in Tkinter")
        self.button = ttk.Button(root, text="Start")
        self.bar = ttk.Progressbar(root, maximum=TASKS, length=360)
        self.download = ttk.Label(root, text="Nothing downloaded yet.")
        self.printed = tkinter.Text(root, width=50, height=6)
        for widget in (self.button, self.bar, self.download, self.printed):
            widget.pack(padx=8, pady=4)


async def serve_page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A web server with one page, for the download."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + bytes(PAGE_SIZE))
    await writer.drain()
    writer.close()


async def work(window: Window, number: int) -> None:
    """One of a hundred tasks: it waits a little, and moves the bar."""
    await asyncio.sleep(0.01 * number)
    window.bar["value"] += 1


async def download(window: Window) -> None:
    """Fetch the page; show how much has come."""
    server = await asyncio.start_server(serve_page, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    size = 0
    while data := await reader.read(65536):
        size += len(data)
        window.download["text"] = f"{size:,} bytes downloaded."
    writer.close()
    server.close()


async def run_program(window: Window) -> None:
    """Show what a child process prints, line by line."""
    code = "import time\nfor n in range(5): print('line', n, flush=True); time.sleep(0.05)"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    async for line in process.stdout:
        window.printed.insert("end", line.decode())
    await process.wait()


async def start(window: Window) -> None:
    """Everything at once."""
    await asyncio.gather(
        download(window), run_program(window), *(work(window, number) for number in range(TASKS))
    )


async def main(root: tkinter.Tk, *, demo: bool) -> None:
    """Wait for the button; in a demonstration press it."""
    window = Window(root)
    if demo:
        root.after(100, lambda: window.button.event_generate("<Button-1>"))
    while True:
        await tk.event(window.button, "<Button-1>")
        await start(window)
        if demo:
            print(f"{window.bar['value']:.0f} of {TASKS} tasks have moved the bar.")
            print(window.download["text"])
            print(window.printed.get("1.0", "end").strip())
            return


if __name__ == "__main__":
    root = tkinter.Tk()
    tk.run(main(root, demo="--demo" in sys.argv), root)
