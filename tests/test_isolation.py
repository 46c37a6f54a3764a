"""Loops beside each other: in threads, interpreters and processes. And what children must not get."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import ferrio
import pytest
from support.clock import PATIENCE, closed
from support.processes import output


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
        assert await asyncio.to_thread(threading.get_ident) != threading.get_ident()
        writer.close()
        await closed(server)
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


def test_another_interpreter_of_the_process_is_refused(tmp_path: Path) -> None:
    # What all versions have, by the names that it has had.
    name = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    pytest.importorskip(name)
    code = textwrap.dedent(
        """
        try:
            import ferrio
        except ImportError as error:
            answer = str(error)
        else:
            answer = "imported"
        with open(path, "w") as file:
            file.write(answer)
        """
    )
    printed = output(
        f"""
        import asyncio, ferrio, {name} as interpreters
        path = {str(tmp_path / "answer")!r}
        interpreters.run_string(interpreters.create(), f"path = {{path!r}}" + {code!r})
        print(open(path).read())
        # The loop of the main interpreter is as it was.
        ferrio.run(asyncio.sleep(0))
        """,
        "-W",
        "ignore",
    )
    assert "ferrio._core" in printed


def test_workers_that_share_a_listening_socket() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)

    async def work() -> None:
        async def answer(reader: Any, writer: Any) -> None:
            await reader.readline()
            writer.write(b"%d\n" % os.getpid())
            writer.close()

        async with await ferrio.start_server(answer, sock=listener) as server:
            await server.serve_forever()

    workers = []
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            try:
                ferrio.run(work())
            finally:
                os._exit(1)
        workers.append(pid)

    async def ask() -> int:
        reader, writer = await ferrio.open_connection(*listener.getsockname())
        writer.write(b"who?\n")
        pid = int(await reader.readline())
        writer.close()
        return pid

    async def ask_each() -> list[int]:
        answers = []
        for _ in workers:
            answers.append(await ask())
            # The next connection is one of the others' to accept.
            os.kill(answers[-1], signal.SIGSTOP)
        return answers

    async def ask_all() -> set[int]:
        return {await ask() for _ in range(200)}

    try:
        assert sorted(ferrio.run(asyncio.wait_for(ask_each(), PATIENCE))) == sorted(workers)
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
        assert ferrio.run(asyncio.wait_for(ask_all(), PATIENCE)) <= set(workers)
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        listener.close()


def test_children_get_no_descriptor() -> None:
    listing = [sys.executable, "-c", "import os; print(*os.listdir('/proc/self/fd'))"]
    # What the tests' own process was given as inheritable.
    before = set(subprocess.check_output(listing, text=True, close_fds=False).split())

    async def main() -> tuple[set[str], set[str]]:
        loop = asyncio.get_running_loop()
        accepted: asyncio.Queue[Any] = asyncio.Queue()
        server = await ferrio.start_server(lambda r, w: accepted.put_nowait(w), "127.0.0.1", 0)
        reader, writer = await ferrio.open_connection(*server.sockets[0].getsockname())
        endpoint, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
        )
        their_writer = await accepted.get()
        mine = set(os.listdir("/proc/self/fd"))
        process = await asyncio.create_subprocess_exec(
            *listing, stdout=asyncio.subprocess.PIPE, close_fds=False
        )
        output, _ = await process.communicate()
        writer.close()
        their_writer.close()
        endpoint.close()
        await closed(server)
        return mine, set(output.decode().split())

    mine, theirs = ferrio.run(main())
    assert len(mine) > 8
    assert theirs == before
