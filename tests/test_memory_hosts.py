"""Hosts of ferrio.testing's network in memory: crash, restart, pause, and a clock of their own."""

import asyncio
import functools
import gc
import sys
import time

import pytest
from ferrio import testing
from support.certificates import contexts
from support.simulations import cancelled_connections, echo  # noqa: F401

in_memory = functools.partial(testing.run, network="memory")


async def serve_echo():
    server = await asyncio.start_server(echo, port=1)
    await server.serve_forever()


async def asked(host, text=b"hello"):
    """Return what an echo server answers."""
    reader, writer = await asyncio.open_connection(host, 1)
    try:
        writer.write(text)
        return await reader.readexactly(len(text))
    finally:
        writer.close()


def test_a_crash_ends_all_that_runs_and_no_cleanup_runs():
    steps = []

    async def program():
        async def numbers():
            try:
                while True:
                    yield 1
                    await asyncio.sleep(1)
            finally:
                steps.append("generator")

        async def child():
            try:
                async for _ in numbers():
                    steps.append("step")
            except BaseException:
                steps.append("except")
                raise
            finally:
                steps.append("finally")

        loop = asyncio.get_running_loop()
        loop.call_later(5, steps.append, "timer")
        async with asyncio.TaskGroup() as group:
            group.create_task(child())
            group.create_task(serve_echo())

    async def main():
        net = testing.network()
        db = net.host("db")
        task = db.start(program)
        await asyncio.sleep(1.5)
        assert await asked("db") == b"hello" and steps == ["step", "step"]
        reader, writer = await asyncio.open_connection("db", 1)
        assert db.is_up and len(asyncio.all_tasks()) > 3
        db.crash()
        db.crash()
        assert not db.is_up and "crashed" in repr(db)
        assert len(asyncio.all_tasks()) == 1
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("db", 1)
        assert task.done() and task.cancelled()
        await asyncio.sleep(100)
        with pytest.raises(RuntimeError, match="restart"):
            db.create_task(asyncio.sleep(1))
        with pytest.raises(RuntimeError, match="crashed"), db.active():
            pass
        assert steps == ["step", "step"]
        again = db.restart()
        await asyncio.sleep(0.5)
        assert await asked("db") == b"hello" and steps == ["step"] * 3
        # It runs: it is crashed first.
        assert db.restart() is not again and again.cancelled()
        await asyncio.sleep(0.5)
        assert steps == ["step"] * 4
        db.crash()
        return len(steps)

    for seed in (None, *range(10)):
        assert in_memory(main(), seed=seed) == 4
        # The coroutines are closed when the run is over.
        steps.clear()


def test_a_silent_crash_is_a_host_that_does_not_answer():
    async def main():
        net, loop = testing.network(), asyncio.get_running_loop()
        db = net.host("db")
        db.start(serve_echo)
        await asyncio.sleep(1)
        reader, writer = await asyncio.open_connection("db", 1)
        waiting = asyncio.create_task(reader.read(1))
        db.crash(silently=True)
        start = loop.time()
        with pytest.raises(TimeoutError):
            await asyncio.open_connection("db", 1)
        assert loop.time() - start > 100
        await asyncio.sleep(10_000)
        writer.write(b"x")
        await asyncio.sleep(100)
        assert not waiting.done()
        db.restart()
        with pytest.raises(ConnectionResetError):
            await waiting
        assert await asked("db") == b"hello"
        # Data that was on its way is answered too.
        reader, writer = await asyncio.open_connection("db", 1)
        writer.write(b"x")
        db.crash(silently=True)
        db.restart()
        with pytest.raises(ConnectionResetError):
            await reader.read(1)

    in_memory(main())


def test_a_host_crashes_itself():
    seen = []

    async def program():
        seen.append("begin")
        testing.network().current_host().crash()
        seen.append("end of the step")
        await asyncio.sleep(0)
        seen.append("never")

    async def main():
        host = testing.network().host("a")
        task = host.start(program)
        await asyncio.wait({task})
        assert task.cancelled() and not host.is_up

        async def restarts():
            host.restart()

        host.start(restarts) if host.is_up else None

    in_memory(main())
    assert seen == ["begin", "end of the step"]


def test_a_live_host_hears_of_a_task_of_a_crashed_one():
    async def main():
        host = testing.network().host("a")
        task = host.create_task(asyncio.sleep(3600))
        heard = []
        task.add_done_callback(heard.append)
        asyncio.get_running_loop().call_later(1, host.crash)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert heard == [task] and not task.cancel()
        # A future of a live host does not wake what is dead.
        host.restart()
        future = asyncio.get_running_loop().create_future()

        async def wait():
            await future
            raise AssertionError

        host.create_task(wait())
        await asyncio.sleep(1)
        host.crash()
        future.set_result(None)
        await asyncio.sleep(1)

    in_memory(main())


def test_a_pause_lets_time_go_on_and_work_wait():
    async def main():
        net, loop = testing.network(), asyncio.get_running_loop()
        db, ticks = net.host("db"), []

        async def program():
            server = await asyncio.start_server(echo, port=1)
            while server.is_serving():
                ticks.append(loop.time())
                await asyncio.sleep(1)

        db.start(program)
        await asyncio.sleep(2.5)
        assert len(ticks) == 3
        reader, writer = await asyncio.open_connection("db", 1)
        db.pause()
        db.pause()
        assert "paused" in repr(db)
        writer.write(b"x")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await reader.read(1)
        # The kernel of the host answers for it.
        another, other_writer = await asyncio.open_connection("db", 1)
        assert len(ticks) == 3
        db.resume()
        db.resume()
        assert await reader.read(1) == b"x" and len(ticks) == 4
        await asyncio.sleep(2)
        assert len(ticks) in {5, 6}
        # What is paused at the end ends with the run.
        db.pause()
        writer.close()
        other_writer.close()

    for seed in (None, *range(10)):
        in_memory(main(), seed=seed)


def test_a_deadlock_names_hosts_that_are_paused():
    async def main():
        host = testing.network().host("sleepy")
        task = host.create_task(asyncio.sleep(1))
        host.pause()
        await task

    with pytest.raises(testing.DeadlockError) as caught:
        in_memory(main())
    assert any("sleepy" in note for note in caught.value.__notes__)


def test_a_paused_host_crashes():
    async def main():
        host, seen = testing.network().host("a"), []

        async def program():
            while True:
                seen.append(1)
                await asyncio.sleep(1)

        host.start(program)
        await asyncio.sleep(1.5)
        host.pause()
        await asyncio.sleep(5)
        host.crash()
        await asyncio.sleep(5)
        with pytest.raises(RuntimeError):
            host.pause()
        assert len(seen) == 2
        host.restart()
        await asyncio.sleep(1.5)
        assert len(seen) == 4

    in_memory(main())


def test_each_host_has_its_own_time_of_the_wall():
    async def main():
        net, times = testing.network(), {}

        async def look(name):
            times[name] = (time.time(), time.time_ns(), time.gmtime().tm_year, time.monotonic())

        ahead = net.host("ahead")
        ahead.clock_skew = 366 * 86400
        await ahead.create_task(look("ahead"))
        await net.host("right").create_task(look("right"))
        assert times["ahead"][0] - times["right"][0] == 366 * 86400
        assert times["ahead"][1] - times["right"][1] == 366 * 86400 * 10**9
        assert times["ahead"][2] == times["right"][2] + 1
        assert times["ahead"][3] == times["right"][3] == asyncio.get_running_loop().time()
        before = time.time()
        await asyncio.sleep(3600)
        assert time.time() - before == 3600
        return before, time.strftime("%Y"), time.ctime()

    first = in_memory(main())
    assert in_memory(main(), seed=1)[1:] == first[1:] and first[0] == 1767225600
    assert time.time() != first[0] and time.time.__module__ == "time"


def test_the_tests_own_host_and_bad_arguments():
    async def main():
        net = testing.network()
        for call in (net.host("localhost").crash, net.host("localhost").pause, net.host("localhost").restart):
            with pytest.raises(ValueError, match="test's own"):
                call()
        for bad in (None, asyncio.sleep(1), 5):
            with pytest.raises(TypeError):
                net.host("a").start(bad)
        assert [host.name for host in net.hosts] == ["localhost", "a"]
        assert net.host("a").restart() is None

    in_memory(main())


def test_a_task_of_asyncios_own_class_ends_too():
    async def main():
        net = testing.network()
        loop = asyncio.get_running_loop()
        with net.host("a").active():
            coroutine = asyncio.sleep(3600)
            task = asyncio.tasks.Task.__mro__[0](coroutine, loop=loop)
        await asyncio.sleep(1)
        net.host("a").crash()
        await asyncio.sleep(1)
        return type(task).__module__

    in_memory(main())


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks are of 3.12")
def test_eager_tasks_run_on_their_host():
    async def main():
        net = testing.network()
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)

        async def where():
            first = net.current_host().name
            await asyncio.sleep(1)
            return first, net.current_host().name

        assert await net.host("a").create_task(where()) == ("a", "a")
        net.host("a").create_task(where())
        net.host("a").crash()
        await asyncio.sleep(5)

    in_memory(main())


def test_a_host_keeps_its_tasks():
    """The client's protocol has only a weak reference to the reader for which the task waits."""

    async def client():
        reader, writer = await asyncio.open_connection("db", 1)
        try:
            await reader.read(1)
        finally:
            writer.close()

    async def main():
        net = testing.network()
        net.host("db").start(serve_echo)
        await asyncio.sleep(1)
        net.host("web").start(client)
        net.host("web").create_task(client(), name="second")
        for _ in range(40):
            net.host("web").create_task(asyncio.sleep(0))
            await asyncio.sleep(0.1)
        gc.collect()
        names = {task.get_name() for task in asyncio.all_tasks()}
        assert {"program of web", "second"} <= names

    in_memory(main())


@pytest.mark.parametrize("with_tls", [False, True])
def test_a_connection_that_is_reset_before_it_is_used(with_tls):
    server_context, client_context = contexts()
    options = {"ssl": client_context, "server_hostname": "localhost"} if with_tls else {}

    async def main():
        net, loop = testing.network(), asyncio.get_running_loop()
        net.latency = 1
        with net.host("db").active():
            await asyncio.start_server(echo, port=1, ssl=server_context if with_tls else None)
        # The server has accepted, and the answer is on its way.
        loop.call_later(1.5, net.reset, "db")
        start = loop.time()
        with pytest.raises(ConnectionResetError):
            await asyncio.open_connection("db", 1, **options)
        assert loop.time() - start == 2

    in_memory(main())
