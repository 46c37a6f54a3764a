"""python -m ferrio top and explain: what live processes do, and what they answer to strangers."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from ferrio.inspection import client
from support.processes import run_ferrio as run
from support.processes import running_ferrio

# The first call of a pure Python function under load takes its time.
PATIENCE = 60

SERVICE = """
import asyncio, logging, sys, threading, time
logging.basicConfig()

async def waits(event):
    await event.wait()

async def blocks(start):
    await asyncio.sleep(3600 if not start else 0.5)
    time.sleep(0.5)

async def locks(one, other):
    async with one:
        await asyncio.sleep(0.01)
        async with other:
            pass

async def main():
    event, red, green = asyncio.Event(), asyncio.Lock(), asyncio.Lock()
    tasks = [asyncio.create_task(waits(event)) for _ in range(10_000)]
    tasks.append(asyncio.create_task(locks(red, green), name="red and green"))
    tasks.append(asyncio.create_task(locks(green, red), name="green and red"))
    print("runs", flush=True)
    number = 0
    while True:
        number += 1
        tasks.append(asyncio.create_task(blocks(True), name="the blocker"))
        await asyncio.sleep(1.5)
asyncio.run(main())
"""

QUIET = """
import asyncio
async def main():
    print("runs", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


def path_of(pid):
    deadline = time.monotonic() + PATIENCE
    while True:
        for path in client._paths(pid):
            if os.path.exists(path):
                return path
        assert time.monotonic() < deadline
        time.sleep(0.02)


def connected(pid):
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE)
    connection.connect(path_of(pid))
    return connection


def answer_to(pid, data):
    with connected(pid) as connection:
        connection.sendall(data)
        pieces = b""
        while piece := connection.recv(65536):
            pieces += piece
        return json.loads(pieces) if pieces else None


@pytest.mark.slow
def test_every_tool_names_the_culprit(tmp_path):
    """A block of half a second, a deadlock of two locks, and 10,000 tasks beside them."""
    with running_ferrio(SERVICE, "--watch") as child:
        record = tmp_path / "record"
        deadline = time.monotonic() + PATIENCE
        blocked = None
        while blocked is None:
            assert time.monotonic() < deadline
            run(
                "top",
                str(child.pid),
                "--record",
                str(record),
                "--interval",
                "0.1",
                "--count",
                "10",
                "--limit",
                "3",
            )
            samples = [json.loads(line) for line in record.read_text().splitlines()]
            callbacks = [sample["loops"][0]["callback"] for sample in samples]
            blocked = next(
                (one for one in callbacks if one is not None and "in blocks" in one["stack"]), None
            )
        assert blocked["task"] == "'the blocker'"
        sample = json.loads(run("top", str(child.pid), "--json", "--limit", "3").stdout)
        assert sample["tasks_total"] >= 10_002 and len(sample["tasks"]) == 3
        assert sample["loops"][0]["lag_worst"] >= 0.5
        text = run("explain", str(child.pid)).stdout
        (line,) = [line for line in text.splitlines() if line.startswith("Deadlock: ")]
        assert "Task 'red and green'" in line and "Task 'green and red'" in line
        assert "10000 tasks" in text
        done = run("explain", str(child.pid), "green and red")
        assert done.returncode == 0, done.stderr
        one = done.stdout
        assert "held by Task 'red and green'" in one and one.rstrip().endswith(": a deadlock")
        child.send_signal(signal.SIGKILL)
        assert "Task 'the blocker' blocks the loop" in child.stderr.read()


def test_the_plain_table():
    with running_ferrio(QUIET) as child:
        done = run("top", str(child.pid), "--plain", "--count", "1", "--interval", "0.1")
        assert done.returncode == 0, done.stderr
        assert f"process {child.pid}, Python" in done.stdout
        assert "loop 1 runs in thread" in done.stdout and "iterations/s" in done.stdout
        assert "Event" in done.stdout


def test_times_are_noted_while_somebody_looks():
    code = QUIET.replace(
        "await asyncio.Event().wait()",
        "asyncio.current_task().set_name('busy')\n    while True: await asyncio.sleep(0.001)",
    )
    with running_ferrio(code) as child:
        line = run("top", str(child.pid), "--json", "--sort", "steps").stdout
        (task,) = [task for task in json.loads(line)["tasks"] if task["name"] == "'busy'"]
        assert task["steps"] > 1
        assert 0 < task["running"] < task["age"]
        assert 0 < task["longest"] <= task["running"]


def test_what_can_not_be_looked_at():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for command in ("top", "explain"):
        for pid, message in (
            ("text", "is not a process id"),
            ("99999999999", "is not a process id"),
            (str(ended.pid), "there is no process"),
            ("1", "there is no process"),
            (str(os.getpid()), "there is no process"),
        ):
            done = run(command, pid)
            assert done.returncode == 1
            assert message in done.stderr and done.stderr.count("\n") == 1, done.stderr


def test_wrong_options():
    for options in (
        ["--interval", "0"],
        ["--interval", "nan"],
        ["--sort", "beauty"],
        ["--limit", "-1"],
        ["--count", "0"],
    ):
        assert run("top", "1", *options).returncode == 2
    assert run("explain").returncode == 2
    assert run("explain", "1", "2", "3").returncode == 2
    with running_ferrio(QUIET) as child:
        done = run("top", str(child.pid), "--record", "/nowhere/file")
        assert done.returncode == 1 and "can't write" in done.stderr
        done = run("explain", str(child.pid), "nobody")
        assert done.returncode == 1 and "there is no task 'nobody'" in done.stderr


@pytest.mark.parametrize(
    "data",
    [
        b"garbage\n",
        b"\xff\x00\n",
        b"[1]\n",
        b"null\n",
        b"{}\n",
        b'{"ask": "everything"}\n',
        b'{"ask": "top", "limit": "many"}\n',
        b'{"ask": "top", "limit": -1}\n',
        b'{"ask": "top", "sort": []}\n',
        b'{"ask": ' + b"[" * 3000 + b"\n",
        b"x" * 100_000,
    ],
)
def test_garbage_gets_one_line(data):
    with running_ferrio(QUIET) as child:
        with contextlib.suppress(ConnectionError):
            # More than is read ends the connection early.
            assert "error" in answer_to(child.pid, data)
        assert answer_to(child.pid, b'{"ask": "tasks"}\n')["tasks"]


def test_silent_clients_keep_nobody_waiting():
    with running_ferrio(QUIET) as child, contextlib.ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(connected(child.pid)).sendall(b'{"ask"')
        began = time.monotonic()
        assert "main" in run("ps", str(child.pid)).stdout
        # They have 10 s.
        assert time.monotonic() - began < 8


def test_clients_that_do_not_read():
    with running_ferrio(SERVICE) as child, contextlib.ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(connected(child.pid)).sendall(b'{"ask": "tasks"}\n')
        assert "main" in run("pstree", str(child.pid)).stdout


def test_a_thousand_clients_at_once():
    """All of them get an answer, and the loop goes on meanwhile."""
    code = """
import asyncio, time
async def main():
    print("runs", flush=True)
    worst = last = 0
    while True:
        await asyncio.sleep(0.001)
        now = time.monotonic()
        if last:
            worst = max(worst, now - last)
        last = now
        asyncio.current_task().set_name(f"{worst:.3f}")
asyncio.run(main())
"""
    with running_ferrio(code) as child:
        path_of(child.pid)
        answers = []

        def ask():
            answers.append(client.ask(child.pid, {"ask": "tasks"}))

        threads = [threading.Thread(target=ask) for _ in range(1000)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(answers) == 1000 and all(answer["tasks"] for answer in answers)
        assert child.poll() is None


def test_a_process_that_ends_while_it_is_looked_at(tmp_path):
    with running_ferrio(QUIET) as child:
        looking = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "ferrio",
                "top",
                str(child.pid),
                "--record",
                str(tmp_path / "f"),
                "--interval",
                "0.05",
            ],
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + PATIENCE
        while not (tmp_path / "f").exists() or not (tmp_path / "f").read_text():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        child.kill()
        child.wait()
        _, errors = looking.communicate(timeout=PATIENCE)
        assert looking.returncode == 1
        assert errors.startswith("ferrio: ") and errors.count("\n") == 1, errors


def test_a_process_that_is_stopped(monkeypatch):
    monkeypatch.setattr(client, "_PATIENCE", 0.5)
    with running_ferrio(QUIET) as child:
        path_of(child.pid)
        child.send_signal(signal.SIGSTOP)
        with pytest.raises(SystemExit, match="does not answer"):
            client.ask(child.pid, {"ask": "tasks"})


def test_a_loop_that_is_blocked_for_ever():
    code = QUIET.replace("await asyncio.Event().wait()", "import time; time.sleep(10000)")
    with running_ferrio(code) as child:
        sample = json.loads(run("top", str(child.pid), "--json").stdout)
        (loop,) = sample["loops"]
        assert "time.sleep(10000)" in loop["callback"]["stack"] or "in main" in loop["callback"]["stack"]
        assert loop["lag"] >= 0.3
        assert "runs now" in run("explain", str(child.pid)).stdout


def test_another_user_gets_no_answer():
    if os.getuid() != 0:
        pytest.skip("needs another user")
    with running_ferrio(QUIET) as child:
        path = path_of(child.pid)
        asks = (
            "import os, socket, sys\nos.setuid(65534)\n"
            f"s = socket.socket(socket.AF_UNIX)\ntry: s.connect({path!r})\n"
            "except OSError as error: print(type(error).__name__)"
        )
        assert subprocess.run([sys.executable, "-S", "-c", asks], capture_output=True, text=True).stdout == (
            "PermissionError\n"
        )
