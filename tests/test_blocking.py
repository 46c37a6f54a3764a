"""What blocks the loop: ferrio.watch_blocking(), and the dump that a signal asks for."""

import asyncio
import contextvars
import logging
import os
import re
import signal
import subprocess
import sys
import threading

import ferrio
import pytest
from support.clock import block_until, until
from support.processes import ENVIRONMENT, forked, output

request = contextvars.ContextVar("request", default="none")


@pytest.fixture
def watch():
    yield ferrio.watch_blocking
    ferrio.watch_blocking(None)


@pytest.fixture
def lines(caplog):
    """What the logger said so far."""
    caplog.set_level(logging.WARNING, "ferrio")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "ferrio"]


def block_the_loop(condition):
    """Keep the loop's thread from going on until a condition holds."""
    block_until(condition)


def test_a_blocking_task_is_named_while_it_blocks(watch, lines):
    watch(0.05)

    async def blocks():
        block_the_loop(lambda: lines())

    async def main():
        await asyncio.create_task(blocks(), name="the culprit")
        await until(lambda: len(lines()) >= 2)

    ferrio.run(main())
    first, last = lines()
    assert first.startswith("Task 'the culprit' blocks the loop: ")
    assert ", in block_the_loop\n" in first
    assert ", in blocks\n" in first
    assert "run_forever" not in first
    duration = re.fullmatch(r"Task 'the culprit' blocked the loop for (\d+\.\d{3}) s", last)
    assert float(duration.group(1)) >= 0.05


def test_a_blocking_callback_without_a_task(watch, lines):
    watch(0.05)
    loop = ferrio.new_event_loop()
    loop.call_soon(block_the_loop, lambda: lines())
    loop.call_soon(loop.stop)
    loop.run_forever()
    # It is told too that the callback has ended when the loop has.
    block_until(lambda: len(lines()) == 2)
    loop.close()
    assert lines()[0].startswith("A callback blocks the loop: ")
    assert lines()[1].startswith("A callback blocked the loop for ")


def test_each_block_is_logged_once(watch, lines):
    watch(0.03)

    async def main():
        for number in range(3):
            block_the_loop(lambda number=number: len(lines()) > 2 * number)
            await until(lambda number=number: len(lines()) >= 2 * number + 2)

    ferrio.run(main())
    assert len(lines()) == 6


def test_a_loop_that_is_well_is_not_logged(watch, lines):
    watch(5)

    async def main():
        for _ in range(1000):
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)

    ferrio.run(main())
    assert lines() == []


def test_code_that_keeps_the_gil(watch, lines):
    """The thread that watches can't look meanwhile. It sees afterwards that it was kept from looking."""
    watch(0.05)

    async def main():
        # By then the thread looks.
        block_the_loop(lambda: lines())
        await until(lambda: len(lines()) == 2)
        # A second or less, in C.
        sum(range(30_000_000))
        await until(lambda: len(lines()) >= 3)

    ferrio.run(main())
    # It sees the callback itself only if it gets the GIL before the loop goes on.
    assert "sum(range(30_000_000))" in lines()[2] or "A callback blocked the loop for" in lines()[2], lines()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="3.11 does not show a task's context")
def test_describe_reads_the_tasks_context(watch, lines):
    watch(0.05, describe=lambda: f"request {request.get()}")

    async def serves(path):
        request.set(path)
        block_the_loop(lambda: lines())

    async def main():
        await asyncio.create_task(serves("/slow"))

    ferrio.run(main())
    assert " so far (request /slow)\n" in lines()[0]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="3.11 does not show a task's context")
def test_describe_that_fails(watch, lines):
    watch(0.05, describe=lambda: 1 / 0)

    async def main():
        block_the_loop(lambda: lines())
        await until(lambda: len(lines()) >= 2)
        block_the_loop(lambda: len(lines()) >= 3)

    ferrio.run(main())
    assert "(describe() raised ZeroDivisionError: division by zero)" in lines()[0]
    assert len(lines()) >= 3


def test_several_loops(watch, lines):
    watch(0.05)

    async def blocks(name):
        asyncio.current_task().set_name(name)
        block_the_loop(lambda: any(f"{name!r} blocks" in line for line in lines()))

    threads = [threading.Thread(target=ferrio.run, args=(blocks(name),)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {re.match(r"Task '(\w+)'", line).group(1) for line in lines()} == {"one", "two"}


def test_it_begins_and_ends_at_any_time(watch, lines):
    async def main():
        watch(30)
        watch(0.05)
        block_the_loop(lambda: lines())
        await until(lambda: len(lines()) == 2)
        watch(None)
        watch(None)
        block_until(lambda: not any("ferrio-watch" in thread.name for thread in threading.enumerate()))

    ferrio.run(main())


def test_a_child_of_fork_is_watched(watch, lines):
    watch(0.05)

    async def main():
        block_the_loop(lambda: lines())

    def child():
        ferrio.run(main())
        return 7 if lines() else 8

    assert forked(child) == 7


@pytest.mark.parametrize(
    ("threshold", "error", "message"),
    [
        (0, ValueError, "threshold must be more than 0 seconds, not 0.0"),
        (-1.5, ValueError, "threshold must be more than 0 seconds, not -1.5"),
        (float("nan"), ValueError, "threshold must be more than 0 seconds, not nan"),
        (float("inf"), ValueError, "threshold must be more than 0 seconds, not inf"),
        ("0.1", TypeError, "threshold must be a number of seconds or None, not str"),
        (True, TypeError, "threshold must be a number of seconds or None, not bool"),
    ],
)
def test_bad_thresholds(threshold, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        ferrio.watch_blocking(threshold)
    with pytest.raises(TypeError, match=r"^describe must be callable, not int$"):
        ferrio.watch_blocking(describe=1)


BLOCKS = """
import asyncio, logging, time
logging.basicConfig(format="%(name)s: %(message)s", filename=None)
async def main():
    time.sleep(1.5)
asyncio.run(main())
"""


def test_from_the_command_line():
    done = subprocess.run(
        [sys.executable, "-m", "ferrio", "--watch", "-c", BLOCKS],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "ferrio: Task 'Task-1' blocks the loop: " in done.stderr
    assert "time.sleep(1.5)" in done.stderr or "in main" in done.stderr


@pytest.mark.parametrize("value", ["quick", "-1", "nan"])
def test_a_bad_value_in_the_environment(value):
    done = subprocess.run(
        [sys.executable, "-c", "import ferrio; print('runs')"],
        capture_output=True,
        text=True,
        timeout=60,
        env=ENVIRONMENT | {"FERRIO_SLOW_CALLBACK": value},
        check=True,
    )
    assert done.stdout == "runs\n"
    assert done.stderr == f"FERRIO_SLOW_CALLBACK must be a number of seconds more than 0, not {value!r}\n"


def test_a_program_may_end_while_it_is_watched():
    assert (
        output("""
import ferrio, asyncio, time
ferrio.watch_blocking(0.001)
async def main():
    time.sleep(0.01)
import logging
logging.getLogger("ferrio").setLevel(logging.ERROR)
for _ in range(3):
    ferrio.run(main())
print("ends")
""")
        == "ends\n"
    )


def test_a_signal_asks_for_a_dump():
    text = output("""
import asyncio, os, signal, sys, threading
import ferrio
before = []
signal.signal(signal.SIGUSR1, lambda *_: before.append("the handler before"))
ferrio.dump_on_signal(file=sys.stdout)
ferrio.dump_on_signal(file=sys.stdout)
async def parked(future):
    await future
async def numbers(future):
    yield 1
    await parked(future)
async def consumes(future):
    async for _ in numbers(future):
        pass
async def main():
    future = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(consumes(future), name="the consumer")
    waits = asyncio.create_task(parked(task), name="the one above")
    await asyncio.sleep(0.01)
    os.kill(os.getpid(), signal.SIGUSR1)
    await asyncio.sleep(0.01)
    future.set_result(None)
    await waits
event = threading.Event()
thread = threading.Thread(target=event.wait, name="beside")
thread.start()
ferrio.run(main())
event.set()
thread.join()
print(before)
""")
    assert text.count("Tasks:\n") == 1
    tree = text[: text.index("Thread ")]
    assert tree.index("(T) the one above") < tree.index("(T) the consumer") < tree.index(" consumes ")
    assert tree.index(" consumes ") < tree.index(" numbers ") < tree.rindex(" parked ")
    assert "Thread MainThread (" in text
    assert "Thread beside (" in text
    assert text.endswith("['the handler before']\n")


def test_a_dump_into_a_closed_file_disturbs_nobody():
    assert (
        output("""
import os, signal, sys, ferrio
file = open(os.devnull, "w")
ferrio.dump_on_signal(signal.SIGUSR2, file=file)
file.close()
os.kill(os.getpid(), signal.SIGUSR2)
sys.stderr = None
ferrio.dump_on_signal(signal.SIGUSR2)
os.kill(os.getpid(), signal.SIGUSR2)
print("goes on")
""")
        == "goes on\n"
    )


def test_signals_that_can_not_ask():
    with pytest.raises(ValueError, match=r"signal number out of range|Invalid"):
        ferrio.dump_on_signal(1000)
    with pytest.raises(OSError, match="Invalid argument"):
        ferrio.dump_on_signal(signal.SIGKILL)
    assert signal.getsignal(signal.SIGUSR1) in {signal.SIG_DFL, None}
    assert os.getpid()
