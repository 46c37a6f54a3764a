"""The loop's own executor: what runs in its threads, and what becomes of it when loops, programs and processes end."""

import asyncio
import concurrent.futures
import gc
import threading
import weakref

import ferrio
import pytest
from ferrio.executor import Executor
from support.clock import block_until
from support.processes import run_script


def thread_name():
    return threading.current_thread().name


def make_small(loop, threads=1):
    """Have the loop use an executor of its own with few threads."""
    executor = loop._default_executor = loop._own_executor = Executor(threads, "few")
    return executor


def test_threads_are_made_as_they_are_needed_and_used_again(loop):
    async def main():
        assert await loop.run_in_executor(None, thread_name) == "asyncio_0"
        block_until(lambda: not loop._default_executor._work_queue.lacks_thread)
        for _ in range(20):
            assert await asyncio.to_thread(thread_name) == "asyncio_0"
        most = loop._default_executor._max_workers
        together = threading.Barrier(most)
        assert (
            len(set(await asyncio.gather(*[asyncio.to_thread(together.wait, 10) for _ in range(most)])))
            == most
        )
        waiting = [asyncio.to_thread(thread_name) for _ in range(5 * most)]
        assert set(await asyncio.gather(*waiting)) <= {f"asyncio_{number}" for number in range(most)}
        assert len(loop._default_executor._threads) == most

    loop.run_until_complete(main())
    assert isinstance(loop._default_executor, concurrent.futures.ThreadPoolExecutor)


def test_calls_begin_in_their_order(loop):
    make_small(loop)
    begun = []

    async def main():
        await asyncio.gather(*[loop.run_in_executor(None, begun.append, number) for number in range(100)])

    loop.run_until_complete(main())
    assert begun == list(range(100))


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (ValueError, ValueError),
        (concurrent.futures.CancelledError, asyncio.CancelledError),
        (concurrent.futures.TimeoutError, TimeoutError),
        (SystemExit, SystemExit),
        (KeyboardInterrupt, KeyboardInterrupt),
    ],
)
def test_what_a_call_raises_comes_out_of_its_future(loop, raised, kind):
    def fail():
        raise raised("text")

    async def main():
        future = loop.run_in_executor(None, fail)
        await asyncio.wait([future])
        if future.cancelled():
            return asyncio.CancelledError
        return type(future.exception())

    assert loop.run_until_complete(main()) is kind


def test_stop_iteration_becomes_a_runtime_error(loop):
    future = loop.create_future()
    try:
        future.set_exception(StopIteration())
    except TypeError:
        pytest.skip("asyncio of early versions refuses the exception, and the await never ends")
    future.exception()  # so that nobody reports it
    with pytest.raises(RuntimeError, match="StopIteration"):
        loop.run_until_complete(loop.run_in_executor(None, next, iter(())))


def test_what_is_cancelled_before_it_begins_does_not_run(loop):
    make_small(loop)
    ran, release = [], threading.Event()

    async def main():
        first = loop.run_in_executor(None, release.wait, 10)
        second, third = (loop.run_in_executor(None, ran.append, number) for number in (2, 3))
        second.cancel()
        release.set()
        await third
        assert await first
        with pytest.raises(asyncio.CancelledError):
            await second

    loop.run_until_complete(main())
    assert ran == [3]


def test_the_result_of_a_call_that_was_cancelled_while_it_ran_is_dropped(loop):
    begun, release = threading.Event(), threading.Event()

    def work():
        begun.set()
        return release.wait(10)

    async def main():
        future = loop.run_in_executor(None, work)
        while not begun.is_set():
            await asyncio.sleep(0)
        future.cancel()
        with pytest.raises(asyncio.CancelledError):
            await future
        release.set()
        await loop.shutdown_default_executor()
        await asyncio.sleep(0)

    loop.run_until_complete(main())


def test_many_calls_from_several_loops_at_once():
    executor = Executor(4)

    def run(base):
        async def main():
            loop = asyncio.get_running_loop()
            loop.set_default_executor(executor)
            loop._own_executor = executor
            for start in range(base, base + 2000, 50):
                numbers = range(start, start + 50)
                assert await asyncio.gather(
                    *[loop.run_in_executor(None, abs, -one) for one in numbers]
                ) == list(numbers)
            loop._default_executor = loop._own_executor = None

        ferrio.run(main())

    with concurrent.futures.ThreadPoolExecutor(3) as runners:
        list(runners.map(run, (0, 10_000, 20_000)))
    executor.shutdown()


def test_the_loop_may_be_closed_while_calls_run_and_wait():
    loop = ferrio.new_event_loop()
    loop.set_debug(False)
    release, ran = threading.Event(), []

    async def main():
        executor = make_small(loop)
        loop.run_in_executor(None, release.wait, 10)
        loop.run_in_executor(None, ran.append, 1)
        return executor

    executor = loop.run_until_complete(main())
    loop.close()
    release.set()
    executor.shutdown(wait=True)
    assert ran == [1]


def test_shutting_down_waits_for_what_was_begun_and_what_waits(loop):
    make_small(loop)
    ran, release = [], threading.Event()

    async def main():
        loop.run_in_executor(None, release.wait, 10)
        for number in range(100):
            loop.run_in_executor(None, ran.append, number)
        # Runs while the shutdown waits.
        loop.call_soon(release.set)
        await loop.shutdown_default_executor()
        assert len(ran) == 100
        with pytest.raises(RuntimeError, match="Executor shutdown has been called"):
            loop.run_in_executor(None, int)

    loop.run_until_complete(main())


def test_after_its_shutdown_the_executor_takes_no_calls(loop):
    async def main():
        await loop.run_in_executor(None, int)
        loop._default_executor.shutdown()
        with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
            loop.run_in_executor(None, int)
        with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
            loop._default_executor.submit(int)

    loop.run_until_complete(main())


def test_cancelling_what_waits_at_a_shutdown(loop):
    begun, release = threading.Event(), threading.Event()

    def work():
        begun.set()
        return release.wait(10)

    async def main():
        executor = make_small(loop)
        first = loop.run_in_executor(None, work)
        assert begun.wait(10)
        second, third = loop.run_in_executor(None, int), executor.submit(int)
        executor.shutdown(wait=False, cancel_futures=True)
        assert third.cancelled()
        release.set()
        assert await first
        with pytest.raises(asyncio.CancelledError):
            await second

    loop.run_until_complete(main())


def test_an_executor_that_is_replaced_ends_its_threads(loop):
    async def main():
        await asyncio.to_thread(int)
        threads = list(loop._default_executor._threads)
        other = concurrent.futures.ThreadPoolExecutor(1, "other")
        loop.set_default_executor(other)
        assert await asyncio.to_thread(thread_name) == "other_0"
        for thread in threads:
            thread.join(10)
            assert not thread.is_alive()

    loop.run_until_complete(main())


def test_those_who_watch_the_pool_see_how_many_calls_wait(loop):
    begun, release = threading.Event(), threading.Event()

    async def main():
        executor = make_small(loop)
        calls = [loop.run_in_executor(None, lambda: (begun.set(), release.wait(10))) for _ in range(3)]
        assert begun.wait(10)
        assert executor._work_queue.qsize() == 2
        release.set()
        await asyncio.gather(*calls)
        assert executor._work_queue.qsize() == 0

    loop.run_until_complete(main())


def test_submitting_gives_a_concurrent_future():
    with Executor(2) as executor:
        assert executor.submit(pow, 2, exp=10).result(10) == 1024
        assert isinstance(executor.submit(int, "x").exception(10), ValueError)
        assert list(executor.map(abs, [-1, -2])) == [1, 2]


def test_the_threads_of_an_executor_that_is_gone_end():
    executor = Executor(2)
    assert executor.submit(int).result(10) == 0
    threads, reference = list(executor._threads), weakref.ref(executor)
    del executor
    gc.collect()
    block_until(lambda: reference() is None)
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def test_nothing_is_kept_of_a_call_that_is_done(loop):
    class Argument:
        pass

    async def main():
        argument = Argument()
        reference = weakref.ref(argument)
        assert await loop.run_in_executor(None, type, argument) is Argument
        del argument
        block_until(lambda: reference() is None)

    loop.run_until_complete(main())


def test_a_loop_with_its_own_call_soon_threadsafe_is_told_by_it():
    calls = []

    class Loop(ferrio.Loop):
        def call_soon_threadsafe(self, *arguments, **keywords):
            calls.append(thread_name())
            return super().call_soon_threadsafe(*arguments, **keywords)

    release = threading.Event()

    async def main():
        # Before the call ends, its future is made.
        asyncio.get_running_loop().call_soon(release.set)
        return await asyncio.to_thread(release.wait, 10)

    with asyncio.Runner(loop_factory=Loop) as runner:
        assert runner.run(main())
    assert "asyncio_0" in calls


@pytest.mark.parametrize("closed", [True, False])
def test_a_program_that_ends_waits_for_its_calls(closed):
    done = run_script(f"""
        import asyncio, ferrio, time, warnings
        from ferrio.executor import Executor
        warnings.simplefilter("ignore")
        def work(number):
            # Nothing but time lets the main thread get to its end first.
            time.sleep(0.05)
            print("done", number, flush=True)
        loop = ferrio.new_event_loop()
        async def main():
            loop._default_executor = loop._own_executor = Executor(1)
            for number in range(3):
                loop.run_in_executor(None, work, number)
        loop.run_until_complete(main())
        if {closed}: loop.close()
    """)
    assert (done.returncode, done.stdout.splitlines()) == (0, [f"done {number}" for number in range(3)]), (
        done.stderr
    )


def test_an_interpreter_that_ends_takes_no_calls():
    done = run_script("""
        import asyncio, ferrio, threading
        loop = ferrio.new_event_loop()
        loop.run_until_complete(loop.run_in_executor(None, int))
        def late():
            threading.main_thread().join()
            try: loop.run_in_executor(None, int)
            except RuntimeError as error: print(error)
            loop.close()
        threading.Thread(target=late).start()
    """)
    assert (done.stdout[:33], done.stderr) == ("cannot schedule new futures after", "")
