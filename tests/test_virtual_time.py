"""ferrio.testing.run() with a virtual clock: what jumps, what holds it still, and what is refused.

This file has more than 400 lines because each way to wait has a test of its own.
"""

import asyncio
import fractions
import math
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import ferrio
import pytest
from ferrio import testing

HOUR = 3600

# A test under a virtual hour takes less than this, in seconds; a loop that waited would take an hour.
SOON = 20


@pytest.fixture(autouse=True)
def is_soon():
    start = time.monotonic()
    yield
    assert time.monotonic() - start < SOON


def test_a_sleep_of_an_hour_ends_at_once_and_every_clock_agrees():
    async def main():
        loop = asyncio.get_running_loop()
        start = loop.time()
        await asyncio.sleep(HOUR)
        assert loop.time() - start == HOUR
        assert testing.clock().time() == loop.time()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await loop.create_future()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(loop.create_future(), 60)
        fired = loop.create_future()
        loop.call_later(60, lambda: fired.set_result(loop.time()))
        loop.call_at(loop.time() + 30, lambda: None)
        assert await fired - start == HOUR + 180
        done, pending = await asyncio.wait({asyncio.ensure_future(asyncio.sleep(HOUR))}, timeout=1)
        assert not done and loop.time() - start == HOUR + 181
        return "the result"

    assert testing.run(main()) == "the result"


def test_timers_run_in_the_order_of_their_times():
    async def main():
        seen = []

        async def sleeper(seconds):
            await asyncio.sleep(seconds)
            seen.append(seconds)

        await asyncio.gather(*(sleeper(seconds) for seconds in (5, 0.5, 3600, 1, 86400, 2)))
        return seen

    for seed in range(20):
        assert testing.run(main(), seed=seed) == [0.5, 1, 2, 5, 3600, 86400]


@pytest.mark.measures
def test_a_thousand_sleepers_of_an_hour():
    async def sleeper():
        for _ in range(60):
            await asyncio.sleep(60)

    async def main():
        await asyncio.gather(*(sleeper() for _ in range(1000)))
        return asyncio.get_running_loop().time()

    before = time.process_time()
    assert testing.run(main()) == 1000 + HOUR
    assert time.process_time() - before < 5


def test_the_clock_is_advanced_by_hand():
    async def main():
        clock, loop, seen = testing.clock(), asyncio.get_running_loop(), []
        for seconds in (30, 10, 90):
            loop.call_later(seconds, seen.append, seconds)
        start = clock.time()
        clock.advance(60)
        assert clock.time() == start + 60 and seen == []
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert seen == [10, 30]
        clock.advance(fractions.Fraction(1, 2))
        clock.advance(0)
        clock.advance(True)
        assert clock.time() == start + 61.5
        assert repr(clock) == f"<Clock time={start + 61.5}>"
        for bad, error in (
            (-1, ValueError),
            (math.nan, ValueError),
            (math.inf, ValueError),
            ("60", TypeError),
            (None, TypeError),
            (1j, TypeError),
        ):
            with pytest.raises(error):
                clock.advance(bad)
        assert clock.time() == start + 61.5

    testing.run(main())


def test_the_clock_of_a_loop_that_is_not_simulated():
    async def main():
        with pytest.raises(RuntimeError, match="not simulated"):
            testing.clock()

    ferrio.run(main())
    with pytest.raises(RuntimeError):
        testing.clock()

    async def real():
        with pytest.raises(RuntimeError, match="real"):
            testing.clock().advance(1)
        before = time.monotonic()
        await asyncio.sleep(0.02)
        assert time.monotonic() - before > 0.015

    testing.run(real(), clock="real")


def test_calls_in_threads_hold_the_clock_still():
    async def main():
        loop = asyncio.get_running_loop()
        start = loop.time()
        async with asyncio.timeout(1):
            assert await asyncio.to_thread(lambda: time.sleep(0.1) or 5) == 5
        assert loop.time() == start
        with pytest.raises(ZeroDivisionError):
            async with asyncio.timeout(1):
                await loop.run_in_executor(None, lambda: time.sleep(0.05) or 1 / 0)
        async with asyncio.timeout(0.001):
            await loop.getaddrinfo("localhost", 80)
        assert loop.time() == start
        # What was cancelled holds it no more.
        release = threading.Event()
        call = loop.run_in_executor(None, release.wait)
        await asyncio.sleep(0)
        call.cancel()
        await asyncio.sleep(HOUR)
        assert loop.time() == start + HOUR
        release.set()

    testing.run(main())


def test_child_processes_hold_the_clock_still():
    async def main():
        loop = asyncio.get_running_loop()
        start = loop.time()
        async with asyncio.timeout(0.01):
            code = "import time; time.sleep(0.2); print('done')"
            child = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=subprocess.PIPE)
            assert await child.communicate() == (b"done\n", None)
            assert await child.wait() == 0
            shell = await asyncio.create_subprocess_shell("sleep 0.1; exit 3")
            assert await shell.wait() == 3
        assert loop.time() == start
        with pytest.raises(FileNotFoundError):
            await asyncio.create_subprocess_exec("/nonexistent/program")
        await asyncio.sleep(HOUR)

    testing.run(main())


def test_real_sockets_are_listened_to_before_the_clock_jumps():
    async def main():
        loop = asyncio.get_running_loop()

        async def echo(reader, writer):
            writer.write(await reader.readline())
            writer.close()

        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        start = loop.time()
        async with asyncio.timeout(0.001):
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"hello\n")
            assert await reader.readline() == b"hello\n"
            writer.close()
            await writer.wait_closed()
        assert loop.time() == start
        # A server that nobody calls does not hold it.
        await asyncio.sleep(HOUR)
        server.close()
        await server.wait_closed()

    testing.run(main())


def test_a_thread_that_sends_later_is_waited_for():
    async def main():
        loop = asyncio.get_running_loop()
        future = loop.create_future()

        def later():
            time.sleep(0.1)
            loop.call_soon_threadsafe(future.set_result, 7)

        thread = threading.Thread(target=later)
        thread.start()
        result = await future
        thread.join()
        # With the clock held, also a timeout waits for it.
        future = loop.create_future()
        thread = threading.Thread(target=later)
        thread.start()
        with testing.clock().hold():
            async with asyncio.timeout(0.01):
                assert await future == 7
        thread.join()
        return result

    assert testing.run(main()) == 7


def test_a_signal_is_waited_for():
    async def main():
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        loop.add_signal_handler(signal.SIGUSR1, future.set_result, "signal")
        main_thread = threading.main_thread().ident
        sender = threading.Timer(0.1, signal.pthread_kill, (main_thread, signal.SIGUSR1))
        sender.start()
        try:
            return await future
        finally:
            sender.join()
            loop.remove_signal_handler(signal.SIGUSR1)

    assert testing.run(main()) == "signal"


@pytest.mark.parametrize("clock", ["virtual", "real"])
def test_a_deadlock_is_reported_with_who_waits_for_whom(clock):
    async def forward(first, second):
        async with first:
            await asyncio.sleep(0.01)
            async with second:
                pass

    async def main():
        one, two = asyncio.Lock(), asyncio.Lock()
        async with asyncio.TaskGroup() as group:
            group.create_task(forward(one, two), name="one then two")
            group.create_task(forward(two, one), name="two then one")
            other = group.create_task(asyncio.Event().wait(), name="the event")
            group.create_task(asyncio.wait({other}), name="the waiter")

    with pytest.raises(testing.DeadlockError) as caught:
        testing.run(main(), clock=clock)
    text = str(caught.value)
    assert text.startswith("nothing can run any more\n")
    assert text.splitlines()[1].startswith("  Deadlock: Task '")
    lines = dict(re.findall(r"^  Task '(.*?)' (.*)$", text, re.MULTILINE))
    assert re.fullmatch(r"\(test_virtual_time.py:\d+ in forward\) waits for Lock .*", lines["one then two"])
    assert "held by Task 'two then one'" in lines["one then two"]
    assert "held by Task 'one then two'" in lines["two then one"]
    assert "waits for Event" in lines["the event"]
    assert "waits for wait() for all of 1 task: Task 'the event'" in lines["the waiter"]


def test_a_program_ends_after_a_deadlock_as_asyncio_ends_it():
    ended = []

    async def main():
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(HOUR)
            ended.append(True)

    with pytest.raises(testing.DeadlockError):
        testing.run(main())
    assert ended == [True]


def test_what_is_left_is_an_error_when_the_run_is_strict(reports):
    async def leave_task():
        asyncio.get_running_loop().extra = asyncio.create_task(asyncio.sleep(HOUR), name="left alone")

    testing.run(leave_task())
    with pytest.raises(testing.LeakError, match="left alone"):
        testing.run(leave_task(), strict=True)

    async def fail():
        raise KeyError("unseen")

    async def unseen():
        task = asyncio.create_task(fail())
        await asyncio.wait({task})

    with pytest.raises(testing.LeakError, match="never retrieved") as caught:
        testing.run(unseen(), strict=True)
    assert isinstance(caught.value.__cause__, KeyError)
    assert len(reports.take()) == 1


def test_bad_arguments_are_refused_at_once_and_leave_nothing():
    async def main():
        raise AssertionError("not reached")

    for options, error in (
        ({"clock": "manual"}, ValueError),
        ({"clock": None}, ValueError),
        ({"seed": "1"}, TypeError),
        ({"seed": 1.5}, TypeError),
        ({"seed": True}, TypeError),
        ({"seed": -1}, ValueError),
        ({"seed": 1 << 63}, ValueError),
        ({"seed": 1, "policy": "best"}, ValueError),
        ({"seed": 1, "depth": 0}, ValueError),
        ({"seed": 1, "depth": 1.5}, TypeError),
        ({"schedule": "1:x"}, ValueError),
        ({"schedule": "1:1 1:2"}, ValueError),
        ({"schedule": [(-1, 1)]}, ValueError),
        ({"schedule": 5}, TypeError),
        ({"patience": -1}, ValueError),
        ({"patience": math.nan}, ValueError),
        ({"patience": "1"}, TypeError),
    ):
        with pytest.raises(error):
            testing.run(main(), **options)
    for thing in (main, None, 5):
        with pytest.raises((ValueError, TypeError)):
            testing.run(thing)

    async def inside():
        with pytest.raises(RuntimeError, match="running event loop"):
            testing.run(main())
        with pytest.raises(RuntimeError, match="running event loop"):
            testing.explore(main)

    ferrio.run(inside())


def test_a_loop_is_simulated_once_and_not_while_it_runs(loop):
    with pytest.raises(RuntimeError, match="not simulated"):
        loop._advance(1)
    with pytest.raises(TypeError):
        loop._simulate(1)
    arguments = (1.0, 0, None, 1, (), 0.05, lambda: None, None)

    def simulate():
        with pytest.raises(RuntimeError):
            loop._simulate(*arguments)

    loop.call_soon(simulate)
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop._simulate(*arguments)
    assert loop.time() == 1.0
    with pytest.raises(RuntimeError):
        loop._simulate(*arguments)


def test_a_program_that_replaces_the_method_time_is_obeyed():
    async def main():
        loop = asyncio.get_running_loop()
        loop.time = lambda: 50.0
        assert loop.call_later(5, print).when() == 55.0

    testing.run(main())


def test_debug_mode_and_interrupts():
    async def main():
        assert asyncio.get_running_loop().get_debug()
        await asyncio.sleep(HOUR)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        testing.run(main(), debug=True)


def test_a_thread_other_than_the_main_one_may_run_it():
    results = []

    async def main():
        await asyncio.sleep(HOUR)
        return await asyncio.to_thread(threading.get_ident)

    thread = threading.Thread(target=lambda: results.append(testing.run(main())))
    thread.start()
    thread.join()
    assert results[0] != thread.ident


def test_a_reader_of_a_real_descriptor_is_called():
    async def main():
        loop = asyncio.get_running_loop()
        one, other = socket.socketpair()
        with one, other:
            future = loop.create_future()
            loop.add_reader(one, lambda: future.done() or future.set_result(one.recv(5)))
            other.send(b"bytes")
            async with asyncio.timeout(1):
                assert await future == b"bytes"
            loop.remove_reader(one)

    testing.run(main())
