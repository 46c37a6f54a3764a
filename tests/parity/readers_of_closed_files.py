import asyncio
import gc
import os
import socket
import warnings
import weakref

import ferrio

# A socket of this script is closed when nothing watches it any more.
warnings.simplefilter("ignore", ResourceWarning)


def attempt(function, *arguments):
    try:
        print(function.__name__, function(*arguments))
    except Exception as error:
        number = f" {error.errno}" if isinstance(error, OSError) else ""
        print(function.__name__, type(error).__name__ + number, error if not number else "")


class File:
    def __init__(self, result):
        self.result = result

    def __repr__(self):
        return "<a file>"

    def fileno(self):
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result


async def main():
    loop = asyncio.get_running_loop()

    # A socket that is closed before its reader is removed.
    for add, remove in ((loop.add_reader, loop.remove_reader), (loop.add_writer, loop.remove_writer)):
        left, right = socket.socketpair()
        attempt(remove, left)
        add(left, print)
        left.close()
        attempt(remove, left)
        attempt(remove, left)
        right.close()

    # The other direction of it.
    left, right = socket.socketpair()
    loop.add_reader(left, print)
    left.close()
    attempt(loop.remove_writer, left)
    attempt(loop.remove_reader, left)
    right.close()

    # Both directions: the first removal fails, and removes both.
    left, right = socket.socketpair()
    loop.add_reader(left, print)
    loop.add_writer(left, print)
    left.close()
    attempt(loop.remove_reader, left)
    attempt(loop.remove_writer, left)
    right.close()
    reading, writing = os.pipe()
    loop.add_reader(reading, print)
    other = os.dup(reading)
    number = reading
    try:
        loop.add_writer(reading, print)
    except OSError as error:
        print("add_writer", error.errno)
    os.close(reading)
    attempt(loop.remove_reader, number)
    attempt(loop.remove_writer, number)
    os.close(other)
    os.close(writing)

    # Detached: the number is still open, the socket is not known by it.
    left, right = socket.socketpair()
    loop.add_reader(left, print)
    number = left.detach()
    attempt(loop.remove_reader, left)
    attempt(loop.remove_reader, number)
    os.close(number)
    right.close()

    # The loop keeps what it watches, until it watches it no more.
    left, right = socket.socketpair()
    kept = weakref.ref(left)
    number = left.fileno()
    came = asyncio.Event()
    loop.add_reader(left, came.set)
    loop.add_writer(left, int)
    del left
    gc.collect()
    right.send(b"data")
    await came.wait()
    print("kept", kept() is not None)
    loop.add_reader(number, int)
    print("kept", kept() is not None)
    print(loop.remove_reader(number), kept() is not None, loop.remove_writer(number), kept() is not None)
    right.close()

    # What is no file.
    for result in (
        None,
        "text",
        -1,
        -5,
        2.5,
        True,
        AttributeError("a"),
        TypeError("t"),
        ValueError("v"),
        OSError(5, "o"),
    ):
        for remove in (loop.remove_reader, loop.remove_writer):
            attempt(remove, File(result))
    for wrong in (None, "text", 1.5, -1, object):
        attempt(loop.remove_reader, wrong)
    file = os.fdopen(os.dup(0), "rb")
    file.close()
    try:
        loop.remove_reader(file)
    except ValueError as error:
        print("closed file", str(error).startswith("Invalid file object"))


ferrio.run(main())

loop = ferrio.SelectorEventLoop()
left, right = socket.socketpair()
loop.add_reader(left, print)
left.close()
right.close()
loop.close()
attempt(loop.remove_reader, left)
attempt(loop.remove_writer, -1)
attempt(loop.remove_writer, None)
kept = weakref.ref(left)
del left
gc.collect()
print(kept())
