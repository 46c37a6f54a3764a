"""Loops beside each other: in threads, interpreters and processes. And what children must not get."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import textwrap
import threading
from typing import Any

import ferrio
import pytest


def test_ten_loops_in_ten_threads() -> None:
    async def talk(number: int) -> int:
        async def answer(reader: Any, writer: Any) -> None:
            while data := await reader.read(1000):
                writer.write(data)
            writer.close()

        server = await ferrio.start_server(answer, "127.0.0.1", 0)
        reader, writer = await ferrio.open_connection(*server.sockets[0].getsockname())
        queue: Any = ferrio.Queue()
        for count in range(200):
            writer.write(b"%d %d\n" % (number, count))
            queue.put_nowait(await reader.readline())
            assert await queue.get() == b"%d %d\n" % (number, count)
            await asyncio.sleep(0)
        writer.close()
        server.close()
        # The server's side ends too.
        await asyncio.sleep(0.05)
        return number

    results: list[int] = []
    threads = [
        threading.Thread(target=lambda number=number: results.append(ferrio.run(talk(number))))
        for number in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == list(range(10))


def test_another_interpreter_of_the_process_is_refused() -> None:
    interpreters: Any = pytest.importorskip(
        "concurrent.interpreters" if sys.version_info >= (3, 14) else "_xxsubinterpreters"
    )
    code = """
        try:
            import ferrio
        except ImportError as error:
            answer = str(error)
        else:
            answer = "imported"
        with open(path, "w") as file:
            file.write(answer)
    """
    script = f"""
        import os, sys, tempfile
        import asyncio, ferrio
        import {interpreters.__name__} as interpreters
        path = tempfile.mktemp()
        code = "path = " + repr(path) + {textwrap.dedent(code)!r}
        interpreter = interpreters.create()
        if hasattr(interpreter, "exec"):
            interpreter.exec(code)
        else:
            interpreters.run_string(interpreter, code)
        print(open(path).read())
        ferrio.run(asyncio.sleep(0.01))
    """
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert "ferrio._core" in result.stdout


def test_workers_that_share_a_listening_socket() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)

    async def work() -> None:
        async def answer(reader: Any, writer: Any) -> None:
            await reader.readline()
            writer.write(b"%d\n" % os.getpid())
            writer.close()

        server = await ferrio.start_server(answer, sock=listener)
        await asyncio.sleep(30)
        server.close()

    workers = []
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            try:
                ferrio.run(work())
            finally:
                os._exit(1)
        workers.append(pid)

    async def ask() -> set[int]:
        answers = set()
        for _ in range(200):
            reader, writer = await ferrio.open_connection(*listener.getsockname())
            writer.write(b"who?\n")
            answers.add(int(await reader.readline()))
            writer.close()
        return answers

    try:
        answers = ferrio.run(asyncio.wait_for(ask(), 20))
        assert answers <= set(workers)
        assert answers
    finally:
        for pid in workers:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
        listener.close()


def test_children_get_no_descriptor() -> None:
    listing = [sys.executable, "-c", "import os; print(*os.listdir('/proc/self/fd'))"]
    # What the tests' own process was given as inheritable.
    before = set(subprocess.check_output(listing, text=True, close_fds=False).split())

    async def main() -> tuple[set[str], set[str]]:
        loop = asyncio.get_running_loop()
        server = await ferrio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
        reader, writer = await ferrio.open_connection(*server.sockets[0].getsockname())
        endpoint, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
        )
        await asyncio.sleep(0.01)
        mine = set(os.listdir("/proc/self/fd"))
        process = await asyncio.create_subprocess_exec(
            *listing, stdout=asyncio.subprocess.PIPE, close_fds=False
        )
        output, _ = await process.communicate()
        writer.close()
        endpoint.close()
        server.close()
        return mine, set(output.decode().split())

    mine, theirs = ferrio.run(main())
    assert len(mine) > 8
    assert theirs == before
