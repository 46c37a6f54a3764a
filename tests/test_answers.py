"""ferrio.testing: calls in executors answer at any moment, and real sockets are ready in any order."""

import asyncio
import concurrent.futures
import os
import socket
import threading
import time

import ferrio
import pytest
from ferrio import testing
from ferrio.testing.exploration import _run, _Settings
from ferrio.testing.outside import KINDS
from ferrio.testing.schedules import Order
from ferrio.testing.traces import Trace
from support.clock import PATIENCE
from support.processes import output


async def takes_the_later_call_for_the_later_answer():
    """Done callbacks are calls, and keep their order: only the answers can come in another one."""
    loop, seen = asyncio.get_running_loop(), []
    for number in (1, 2, 3):
        call = loop.run_in_executor(None, int, number)
        call.add_done_callback(lambda call: seen.append(call.result()))
    await asyncio.sleep(1)
    assert seen == [1, 2, 3]


async def looks_too_early():
    """The answer may come before a task has had all its steps, also while other tasks are ready."""
    loop, prepared = asyncio.get_running_loop(), []

    async def prepare():
        for _ in range(3):
            await asyncio.sleep(0)
        prepared.append(True)

    preparing = loop.create_task(prepare())
    call = loop.run_in_executor(None, int, 1)
    call.add_done_callback(lambda _: prepared.append(len(prepared)))
    await preparing
    await call
    await asyncio.sleep(0)
    assert prepared == [True, 1]


@pytest.mark.parametrize("test", [takes_the_later_call_for_the_later_answer, looks_too_early])
@pytest.mark.parametrize("options", [{}, {"policy": "random"}, {"policy": "pct"}, {"deviations": 1}], ids=str)
def test_an_order_of_answers_is_found_and_shrunk(test, options):
    testing.run(test())
    failure = testing.find(test, schedules=300, **options)
    assert isinstance(failure, testing.Failure) and len(failure.deviations) == 1
    assert "call answer of int" in failure.report
    for _ in range(3):
        with pytest.raises(AssertionError):
            testing.run(test(), schedule=failure.schedule)


def test_an_answer_overtakes_no_call_that_was_made_before_its_own():
    async def main():
        loop, seen = asyncio.get_running_loop(), []

        async def others():
            for _ in range(5):
                await asyncio.sleep(0)

        task = loop.create_task(others())
        loop.call_soon(seen.append, "call")
        call = loop.run_in_executor(None, int)
        call.add_done_callback(lambda _: seen.append("answer"))
        await asyncio.gather(task, call)
        await asyncio.sleep(0)
        assert seen == ["call", "answer"]

    testing.explore(main, schedules=200)


def traced(test, seed):
    settings = _Settings(test, "virtual", False, "real", frozenset(KINDS), 0.5, None, (Exception,))
    trace = Trace()
    outcome = _run(settings, Order.of_seed(seed, "mixed"), seed, trace)
    assert outcome.error is None
    return trace.lines


@pytest.mark.parametrize("pool", [None, concurrent.futures.ThreadPoolExecutor], ids=str)
def test_a_run_does_not_depend_on_how_long_the_calls_take(pool):
    async def main():
        loop = asyncio.get_running_loop()
        executor = None if pool is None else pool(3)

        def call(number):
            # Chance, which the seed doesn't have in its hand.
            time.sleep(os.urandom(1)[0] / 256 * 0.004)
            return number

        async def work(number):
            await asyncio.sleep(number % 2)
            for _ in range(3):
                await loop.run_in_executor(executor, call, number)
                await asyncio.sleep(0)

        await asyncio.gather(*map(work, range(4)))
        await loop.getaddrinfo("localhost", 80)
        if executor is not None:
            executor.shutdown()

    for seed in range(6):
        first = traced(main, seed)
        assert all(traced(main, seed) == first for _ in range(3))
        assert sum("answer of" in line for line in first) == 13


def test_calls_that_need_the_loop_get_it():
    async def main():
        loop, release, told = asyncio.get_running_loop(), threading.Event(), threading.Event()

        def ask():
            assert told.wait(PATIENCE)
            return asyncio.run_coroutine_threadsafe(asyncio.sleep(0, "asked"), loop).result(PATIENCE)

        async def work():
            for _ in range(4):
                await asyncio.sleep(0)
            assert await asyncio.to_thread(int) == 0
            told.set()
            return "worked"

        waits = loop.run_in_executor(None, release.wait, PATIENCE)
        results = await asyncio.gather(asyncio.to_thread(ask), work())
        # Due at once, though a call holds the clock still.
        loop.call_later(0, release.set)
        assert await waits
        assert results == ["asked", "worked"]
        return loop.time()

    for seed in (None, *range(10)):
        for clock in ("virtual", "real"):
            testing.run(main(), seed=seed, patience=0.01, clock=clock)
    testing.run(main(), seed=3, patience=0)


def test_all_kinds_of_executors_and_outcomes(reports):
    class Own(concurrent.futures.Executor):
        def submit(self, function, *args):
            future = concurrent.futures.Future()
            future.set_result(function(*args))
            return future

    class OfTheLoop(concurrent.futures.Executor):
        def submit(self, function, *args):
            future = asyncio.get_running_loop().create_future()
            future.set_result(function(*args))
            return future

    def fail(error):
        raise error

    async def main():
        loop = asyncio.get_running_loop()
        for executor in (None, Own(), OfTheLoop()):
            assert await loop.run_in_executor(executor, divmod, 7, 2) == (3, 1)
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(divmod, 7, 0)
        for error, expected in (
            (concurrent.futures.CancelledError, asyncio.CancelledError),
            (SystemExit, SystemExit),
        ):
            call = loop.run_in_executor(None, fail, error("x"))
            await asyncio.wait([call])
            assert type(call.exception()) is expected
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            release = threading.Event()
            first, second = (loop.run_in_executor(pool, release.wait, PATIENCE) for _ in range(2))
            second.cancel()
            with pytest.raises(asyncio.CancelledError):
                await second
            release.set()
            assert await first
        with pytest.raises(TimeoutError):
            waits = threading.Event()
            call = loop.run_in_executor(None, waits.wait, PATIENCE)
            async with asyncio.timeout(0):
                await call
        waits.set()
        await asyncio.sleep(3600)
        assert loop._holds == 0

    for seed in (None, 1, 2):
        testing.run(main(), seed=seed)
    assert reports.take() == []


def test_processes_answer_too():
    code = """
import asyncio, concurrent.futures, multiprocessing
from ferrio import testing

async def main():
    loop = asyncio.get_running_loop()
    context = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(2, context) as pool:
        calls = [loop.run_in_executor(pool, divmod, number, 2) for number in (7, 9)]
        wrong = loop.run_in_executor(pool, divmod, 7, 0)
        seen = []
        for call in calls:
            call.add_done_callback(lambda call: seen.append(call.result()))
        await asyncio.wait([*calls, wrong])
    assert isinstance(wrong.exception(), ZeroDivisionError)
    return tuple(seen)

orders = [testing.run(main(), seed=seed, patience=1) for seed in (None, *range(20))]
assert orders[0] == ((3, 1), (4, 1)) and len(set(orders)) == 2, orders
print("done")
"""
    assert output(code, "-W", "ignore") == "done\n"


def test_a_call_may_end_when_the_loop_is_closed():
    pool, release = concurrent.futures.ThreadPoolExecutor(1), threading.Event()

    async def main():
        asyncio.get_running_loop().run_in_executor(pool, release.wait, PATIENCE)
        await asyncio.sleep(0)

    testing.run(main())
    release.set()
    pool.shutdown()


def test_a_host_that_crashes_or_rests_while_its_call_is_under_way():
    async def main():
        net, seen, release = testing.network(), [], threading.Event()

        async def call(function, *args):
            await asyncio.to_thread(function, *args)
            seen.append(function.__name__)

        db, web = net.host("db"), net.host("web")
        db.start(lambda: call(release.wait, PATIENCE))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        db.crash()
        release.set()
        # The clock goes on, though nobody hears of the call.
        await asyncio.sleep(3600)
        assert not seen
        calling = web.start(lambda: call(int))
        web.pause()
        await asyncio.sleep(3600)
        assert not seen
        web.resume()
        await calling
        assert seen == ["int"]

    for seed in (None, *range(10)):
        testing.run(main(), seed=seed, network="memory", allow=["threads"])


def test_a_host_that_crashes_while_it_holds_the_clock():
    async def main():
        net = testing.network()

        async def hold():
            with testing.clock().hold():
                await asyncio.Event().wait()

        net.host("db").start(hold)
        for _ in range(3):
            await asyncio.sleep(0)
        net.host("db").crash()
        await asyncio.sleep(3600)
        assert asyncio.get_running_loop()._holds == 0

    for seed in (None, 1, 2):
        testing.run(main(), seed=seed, network="memory")


def test_in_debug_mode_and_in_eager_tasks():
    async def main():
        loop = asyncio.get_running_loop()
        if hasattr(asyncio, "eager_task_factory"):
            loop.set_task_factory(ferrio.eager_task_factory)
        assert await asyncio.gather(asyncio.to_thread(abs, -1), asyncio.to_thread(abs, -2)) == [1, 2]

    for seed in range(10):
        testing.run(main(), seed=seed, debug=True)


def test_real_sockets_are_ready_in_any_order():
    async def main():
        loop, seen = asyncio.get_running_loop(), []
        pairs = [socket.socketpair() for _ in range(3)]
        for number, (reader, writer) in enumerate(pairs):
            loop.add_reader(
                reader, lambda reader=reader, number=number: seen.append((number, reader.recv(1)))
            )
            writer.send(b"x")
        await testing.eventually(lambda: len(seen) == 3, within=1)
        for reader, writer in pairs:
            loop.remove_reader(reader)
            reader.close()
            writer.close()
        assert [number for number, _ in seen] == [0, 1, 2]

    testing.run(main())
    failure = testing.find(main, schedules=50)
    assert isinstance(failure, testing.Failure) and len(failure.deviations) == 1


def test_streams_of_real_sockets_work_in_every_order():
    async def main():
        async def echo(reader, writer):
            while data := await reader.read(100):
                writer.write(data)
            writer.close()

        async def ask(number):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"%d" % number * 1000)
            writer.write_eof()
            assert await reader.read() == b"%d" % number * 1000
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        await asyncio.gather(*map(ask, range(5)))
        server.close()
        await server.wait_closed()

    testing.explore(main, schedules=30, strict=True)
