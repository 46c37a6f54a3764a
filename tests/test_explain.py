"""ferrio.explain(): who waits for whom, in words; and ferrio.DeadlockError."""

import asyncio
import contextlib
import signal
import threading
import time

import ferrio
import pytest
from support.processes import output

WAIT = 0.02


@contextlib.asynccontextmanager
async def waiting(**coroutines):
    """Tasks of these names that have begun to wait."""
    tasks = [ferrio.create_task(coroutine, name=name) for name, coroutine in coroutines.items()]
    for _ in range(3):
        await asyncio.sleep(0)
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def inside(lock, then=None):
    async with lock:
        await (then or asyncio.sleep(60))


async def result_of(future):
    return await future


PRIMITIVES = pytest.mark.parametrize("module", [asyncio, ferrio], ids=["asyncio", "ferrio"])


@PRIMITIVES
def test_a_lock_and_who_holds_it(module):
    async def main():
        lock = module.Lock()
        async with waiting(writer=inside(lock), reader=inside(lock)) as (writer, reader):
            text = ferrio.explain(reader)
        assert text.startswith("Task 'reader' (test_explain.py:")
        assert "waits for Lock 'lock' at 0x" in text
        assert "held by Task 'writer' (test_explain.py:" in text
        assert "left, for sleep()" in text.partition("which waits")[2]

    ferrio.run(main())


@PRIMITIVES
def test_a_circle_is_a_deadlock(module):
    async def both(one, other):
        async with one:
            await asyncio.sleep(0)
            async with other:
                pass

    async def main():
        first, second = module.Lock(), module.Lock()
        behind = inside(first)
        async with waiting(a=both(first, second), b=both(second, first), c=behind) as (a, b, c):
            text, all_text = ferrio.explain(c), ferrio.explain()
        assert text.endswith(": a deadlock") and text.count("held by") == 3
        (line,) = [line for line in all_text.splitlines() if line.startswith("Deadlock: ")]
        assert "Task 'a'" in line and "Task 'b'" in line and "Task 'c'" not in line
        assert "1 more tasks can't go on because of this." in all_text

    ferrio.run(main())


@PRIMITIVES
def test_a_task_that_waits_for_itself(module):
    async def twice(lock):
        async with lock:
            async with lock:
                pass

    async def main():
        async with waiting(one=twice(module.Lock())) as (one,):
            assert "held by itself: a deadlock" in ferrio.explain(one)

    ferrio.run(main())


def test_a_timeout_ends_a_circle():
    async def both(one, other, seconds):
        async with asyncio.timeout(seconds):
            async with one:
                await asyncio.sleep(0)
                async with other:
                    pass

    async def main():
        first, second = ferrio.Lock(), ferrio.Lock()
        async with waiting(a=both(first, second, 30), b=both(second, first, None)):
            assert "Deadlock" not in ferrio.explain()

    ferrio.run(main())


@PRIMITIVES
def test_every_primitive_is_named(module):
    async def notified(condition):
        async with condition:
            await condition.wait()

    async def main():
        event, queue, full, barrier = module.Event(), module.Queue(), module.Queue(1), module.Barrier(3)
        full.put_nowait(1)
        condition, semaphore = module.Condition(), module.BoundedSemaphore(1)
        await semaphore.acquire()
        cases = {
            "Event 0x to be set": event.wait(),
            "Queue.get() of Queue 0x (empty)": queue.get(),
            "Queue.put() of Queue 0x (full: 1 items)": full.put(2),
            "Queue.join() of Queue 0x (1 items are not done)": full.join(),
            "Barrier 0x (1 of 3 tasks are there)": barrier.wait(),
            "Condition 'condition' 0x to be notified": notified(condition),
            "BoundedSemaphore 0x (0 free), held by an unknown task": semaphore.acquire(),
        }
        async with waiting(**{f"t{number}": one for number, one in enumerate(cases.values())}) as tasks:
            for expected, task in zip(cases, tasks, strict=True):
                before, _, after = expected.partition("0x")
                text = ferrio.explain(task)
                assert before in text and after in text, text

    ferrio.run(main())


@PRIMITIVES
def test_tasks_that_wait_for_many(module):
    async def group(event):
        async with module.TaskGroup() as tasks:
            tasks.create_task(event.wait(), name="in the group")

    async def main():
        event = module.Event()
        leaves = [ferrio.create_task(event.wait(), name=f"leaf {number}") for number in range(30)]
        cases = {
            "waits for gather() of 30 tasks:": result_of(module.gather(*leaves)),
            "waits for wait() for all of 30 tasks:": module.wait(leaves),
            "wait() for the first of 30 tasks:": module.wait(leaves, return_when=asyncio.FIRST_COMPLETED),
            "s left, for shield() of Task 'leaf 3'": module.wait_for(module.shield(leaves[3]), 60),
            "shield() of Task 'leaf 4'": result_of(module.shield(leaves[4])),
            "the end of a TaskGroup of 1 task: Task 'in the group'": group(event),
            "waits for Task 'leaf 5'": result_of(leaves[5]),
        }
        async with waiting(**{f"t{number}": one for number, one in enumerate(cases.values())}) as tasks:
            await asyncio.sleep(0)
            for expected, task in zip(cases, tasks, strict=True):
                text = ferrio.explain(task)
                assert expected in text, text
            assert "... and 20 more" in ferrio.explain(tasks[0])
        for leaf in leaves:
            leaf.cancel()

    ferrio.run(main())


def test_streams_processes_and_calls_in_threads(tmp_path):
    release = threading.Event()

    async def child():
        process = await asyncio.create_subprocess_exec("sleep", "60")
        try:
            await process.wait()
        finally:
            process.kill()
            await process.wait()

    async def main():
        server = await ferrio.start_server(lambda *_: asyncio.sleep(60), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        reader, writer = await ferrio.open_connection("127.0.0.1", port)
        loop = asyncio.get_running_loop()
        cases = {
            f"StreamReader.readline() of the connection to 127.0.0.1:{port}": reader.readline(),
            "Process.wait() of child process": child(),
            "a call in a thread: Event.wait()": asyncio.to_thread(release.wait),
            "a call in a thread: Event.wait() ": result_of(loop.run_in_executor(None, release.wait)),
        }
        async with waiting(**{f"t{number}": one for number, one in enumerate(cases.values())}) as tasks:
            deadline = time.monotonic() + 30
            for expected, task in zip(cases, tasks, strict=True):
                # The child has to be started first.
                while expected.strip() not in ferrio.explain(task):
                    assert time.monotonic() < deadline, ferrio.explain(task)
                    await asyncio.sleep(WAIT)
            release.set()
        writer.close()
        server.close()

    ferrio.run(main())


def test_what_nobody_else_refers_to():
    async def lonely():
        await ferrio.Queue().get()

    async def lonely_future():
        await asyncio.get_running_loop().create_future()

    async def main():
        kept = ferrio.Queue()
        async with waiting(a=lonely(), b=lonely_future(), c=kept.get()) as (a, b, c):
            assert "to which nobody else refers" in ferrio.explain(a)
            assert "to which nobody else refers" in ferrio.explain(b)
            assert "nobody" not in ferrio.explain(c)

    ferrio.run(main())


def test_asynchronous_generators_are_followed():
    async def numbers(event):
        await event.wait()
        yield 1

    async def consume(event):
        async for _ in numbers(event):
            pass

    async def main():
        async with waiting(one=consume(ferrio.Event())) as (one,):
            assert "in numbers) waits for Event 'event'" in ferrio.explain(one)

    ferrio.run(main())


def test_owners_are_noted_on_demand():
    async def takes(lock):
        await lock.acquire()
        await asyncio.sleep(60)

    async def main():
        lock, semaphore = ferrio.Lock(), ferrio.BoundedSemaphore(1)
        async with waiting(
            taker=takes(lock), other=takes(semaphore), w=lock.acquire(), v=semaphore.acquire()
        ) as all_:
            return ferrio.explain(all_[2]), ferrio.explain(all_[3])

    for text in ferrio.run(main()):
        assert "held by an unknown task (see ferrio.note_owners())" in text
    ferrio.note_owners()
    try:
        noted = ferrio.run(main())
    finally:
        ferrio.note_owners(False)
    for text, name in zip((*noted, *ferrio.run(main(), debug=True)), ["taker", "other"] * 2, strict=True):
        assert f"held by Task '{name}'" in text
        assert "(made at test_explain.py:" in text
    assert "an unknown task" in ferrio.run(main())[0]


def test_an_owner_that_has_ended():
    async def takes(lock):
        await lock.acquire()

    async def main():
        lock = ferrio.Lock()
        async with waiting(leaver=takes(lock), waiter=lock.acquire()) as (_, waiter):
            assert "held by Task 'leaver'" in ferrio.explain(waiter)
            assert "which has ended" in ferrio.explain(waiter)

    ferrio.run(main(), debug=True)


def test_a_released_lock_has_no_owner():
    async def main():
        lock = ferrio.Lock()
        async with lock:
            assert lock._owner is asyncio.current_task()
        assert lock._owner is None
        semaphore = ferrio.Semaphore(2)
        async with semaphore, semaphore:
            assert len(semaphore._owners) == 2
        assert semaphore._owners == []

    ferrio.run(main(), debug=True)


def test_for_how_long_is_said_in_debug_mode():
    async def main():
        async with waiting(one=ferrio.Event().wait()) as (one,):
            await asyncio.sleep(0.11)
            assert "waits since 0." in ferrio.explain(one)

    ferrio.run(main(), debug=True)


def test_odd_objects_are_survived():
    class Odd(ferrio.Lock):
        def __repr__(self):
            raise ValueError("no repr")

        def __eq__(self, other):
            raise ValueError("no comparison")

        __hash__ = None

    class Named(ferrio.Task):
        def get_name(self):
            raise ValueError("no name")

    async def main():
        lock = Odd()
        async with waiting(holder=inside(lock), waiter=inside(lock)) as (_, waiter):
            assert "held by Task 'holder'" in ferrio.explain(waiter)
        odd = Named(asyncio.sleep(60))
        await asyncio.sleep(0)
        assert "get_name() raised ValueError" in ferrio.explain(odd)
        assert "get_name() raised ValueError" in ferrio.explain()
        odd.cancel()
        strange = ferrio.create_task(asyncio.sleep(60), name="a\n\ud800'")
        assert r"'a\n\ud800\''" in ferrio.explain(strange) or r'"a\n\ud800\'"' in ferrio.explain(strange)
        strange.cancel()

    ferrio.run(main())


def test_other_states_and_bad_input():
    async def main():
        async def fails():
            raise KeyError

        me = asyncio.current_task()
        assert ferrio.explain(me).endswith("runs now")
        ready = ferrio.create_task(asyncio.sleep(60))
        assert ferrio.explain(ready).endswith("is ready to run")
        ready.cancel()
        failed = ferrio.create_task(fails())
        await asyncio.wait([ready, failed])
        assert ferrio.explain(ready).endswith("was cancelled")
        assert ferrio.explain(failed).endswith("has raised KeyError")
        failed.exception()
        for bad in (1, "task", asyncio.sleep, asyncio.get_running_loop().create_future()):
            with pytest.raises(TypeError, match="a Task is expected"):
                ferrio.explain(bad)

    ferrio.run(main())
    assert ferrio.explain() == "no tasks"


def test_tasks_of_two_loops():
    texts = []

    async def main(name, other_is_there, done):
        async with waiting(**{name: ferrio.Event().wait()}):
            other_is_there.wait()
            texts.append(ferrio.explain())
            done.wait()

    there, done = threading.Barrier(2, timeout=30), threading.Barrier(2, timeout=30)
    thread = threading.Thread(target=lambda: ferrio.run(main("left", there, done)))
    thread.start()
    ferrio.run(main("right", there, done))
    thread.join()
    for text in texts:
        assert "'left'" in text and "'right'" in text


def test_asking_changes_nothing():
    """What has been shown is not kept alive by that."""

    async def main():
        import weakref

        class Thing:
            pass

        async def holds(event):
            thing = Thing()
            reference = weakref.ref(thing)
            lock = ferrio.Lock()
            await event.wait()
            del thing, lock
            return reference()

        event = ferrio.Event()
        async with waiting(one=holds(event)) as (one,):
            ferrio.explain(one)
            event.set()
            assert await one is None

    ferrio.run(main())


# DeadlockError


async def stuck():
    first, second = ferrio.Lock(), ferrio.Lock()

    async def both(one, other):
        async with one:
            await asyncio.sleep(0)
            async with other:
                pass

    await asyncio.gather(
        ferrio.create_task(both(first, second), name="forward"),
        ferrio.create_task(both(second, first), name="backward"),
    )


def test_a_deadlock_is_raised_on_demand():
    with pytest.raises(ferrio.DeadlockError) as caught:
        ferrio.run(stuck(), detect_deadlock=True)
    text = str(caught.value)
    assert text.startswith("nothing can wake the loop any more\n")
    assert "Deadlock: " in text and "Task 'forward'" in text and "held by Task 'backward'" in text
    assert issubclass(ferrio.DeadlockError, RuntimeError)


def test_it_is_the_error_of_the_tests_too():
    from ferrio import testing

    assert testing.DeadlockError is ferrio.DeadlockError


def test_a_program_ends_as_usual_after_it():
    ended = []

    async def main():
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            ended.append(True)

    with pytest.raises(ferrio.DeadlockError, match="Event"):
        ferrio.run(main(), detect_deadlock=True)
    assert ended == [True]


@pytest.mark.parametrize("what", ["timer", "descriptor", "thread", "child", "signal", "executor"])
def test_what_may_wake_a_loop_is_no_deadlock(what):
    async def main():
        loop = asyncio.get_running_loop()
        event = asyncio.Event()
        if what == "timer":
            loop.call_later(WAIT, event.set)
        elif what == "descriptor":
            import socket

            ours, theirs = socket.socketpair()
            loop.add_reader(ours, event.set)
            threading.Timer(WAIT, theirs.send, [b"x"]).start()
        elif what == "thread":
            threading.Timer(WAIT, loop.call_soon_threadsafe, [event.set]).start()
        elif what == "child":
            process = await asyncio.create_subprocess_exec("sleep", "0.05")
            await process.wait()
            return
        elif what == "signal":
            loop.add_signal_handler(signal.SIGALRM, event.set)
            signal.setitimer(signal.ITIMER_REAL, WAIT)
        else:
            await loop.run_in_executor(None, time.sleep, WAIT)
            return
        await event.wait()
        if what == "descriptor":
            loop.remove_reader(ours)
            ours.close()
            theirs.close()

    ferrio.run(main(), detect_deadlock=True)


def test_a_handler_of_the_modules_signal_counts():
    reached = []

    async def main():
        event = asyncio.Event()
        loop = asyncio.get_running_loop()

        def handler(*_):
            loop.call_soon_threadsafe(event.set)

        before = signal.signal(signal.SIGALRM, handler)
        try:
            signal.setitimer(signal.ITIMER_REAL, WAIT)
            await event.wait()
        finally:
            signal.signal(signal.SIGALRM, before)
        reached.append(True)

    ferrio.run(main(), detect_deadlock=True)
    assert reached


def test_idle_threads_of_the_executor_do_not_count():
    async def main():
        await asyncio.to_thread(int)
        await asyncio.Event().wait()

    with pytest.raises(ferrio.DeadlockError):
        ferrio.run(main(), detect_deadlock=True)


def test_beside_other_threads_only_circles_count():
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    try:
        with pytest.raises(ferrio.DeadlockError):
            ferrio.run(stuck(), detect_deadlock=True)

        async def waits():
            asyncio.get_running_loop()._detects_deadlock = how
            await asyncio.Event().wait()

        how = "always"
        with pytest.raises(ferrio.DeadlockError):
            ferrio.run(waits(), detect_deadlock="always")
    finally:
        end.set()
        thread.join()


def test_a_loop_without_tasks_may_wait():
    loop = ferrio.new_event_loop()
    loop._detects_deadlock = "always"
    timer = threading.Timer(WAIT, loop.call_soon_threadsafe, [loop.stop])
    timer.start()
    loop.run_forever()
    timer.join()
    loop.close()


def test_debug_mode_logs_it_once():
    script = """
        import asyncio, logging, os, signal, threading, time, ferrio
        lines = []
        class Handler(logging.Handler):
            def emit(self, record):
                lines.append(record.getMessage())
                # What nobody knows of: a thread that begins now.
                threading.Timer(0.05, loop.call_soon_threadsafe, [woken]).start()
        logging.getLogger("ferrio").addHandler(Handler())
        def woken():
            global times
            times += 1
            if times == 2:
                event.set()
            else:
                threading.Timer(0.05, loop.call_soon_threadsafe, [woken]).start()
        times = 0
        async def main():
            global loop, event
            loop, event = asyncio.get_running_loop(), ferrio.Event()
            await event.wait()
        ferrio.run(main(), debug=True)
        print(len(lines), lines[0])
    """
    text = output(script)
    assert text.startswith("1 nothing can wake the loop any more\n")
    assert "to be set" in text


def test_what_detect_deadlock_may_be():
    async def main():
        pass

    for bad in ("never", 2, None):
        coroutine = main()
        with pytest.raises(ValueError, match="detect_deadlock"):
            ferrio.run(coroutine, detect_deadlock=bad)
        coroutine.close()
    coroutine = main()
    with pytest.raises(TypeError, match="a loop of Ferrio's"):
        ferrio.run(coroutine, detect_deadlock=True, loop_factory=asyncio.SelectorEventLoop)
    coroutine.close()
