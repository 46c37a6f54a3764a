"""Where asyncio may block, as detectors of blocking calls look for it: by the names of files and functions."""

import asyncio
import os
import socket
import sys
import tempfile
import threading

import ferrio

PLACES = {
    "base_events.py": {"sendfile", "subprocess_exec", "subprocess_shell", "shutdown_default_executor"},
    "unix_events.py": {"create_unix_server", "_stop_serving", "_sock_sendfile_native_impl"},
}
found = set()


def watched(module, name):
    call = getattr(module, name)

    def wrapper(*arguments, **keywords):
        frame = sys._getframe()
        while frame is not None:
            file, function = frame.f_code.co_filename, frame.f_code.co_name
            folder, base = os.path.split(file)
            if os.path.basename(folder) == "asyncio" and function in PLACES.get(base, ()):
                found.add((name, base, function))
            frame = frame.f_back
        return call(*arguments, **keywords)

    setattr(module, name, wrapper)


def show(what):
    print(what, sorted(found))
    found.clear()


async def main():
    loop = asyncio.get_running_loop()
    for program in (
        asyncio.create_subprocess_exec("true", cwd="/"),
        asyncio.create_subprocess_shell("true", cwd="/"),
    ):
        process = await program
        await process.wait()
        show("subprocess")
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            server = await asyncio.start_unix_server(print, folder + "/socket")
            show("Unix server")
            server.close()
            # From 3.13 on it removes the path.
            show("closed")
            await server.wait_closed()
    left, right = socket.socketpair()
    left.setblocking(False)
    with open(__file__, "rb") as file:
        await loop.sock_sendfile(left, file)
        show("sock_sendfile")
        transport, _ = await loop.create_connection(asyncio.Protocol, sock=left)
        await loop.sendfile(transport, file)
        show("sendfile")
    transport.close()
    right.close()
    await loop.run_in_executor(None, int)
    await loop.shutdown_default_executor()
    show("executor")


for module, name in (
    (os, "stat"),
    (os, "unlink"),
    (os, "sendfile"),
    (os, "read"),
    (threading.Thread, "join"),
):
    watched(module, name)
ferrio.run(main())
