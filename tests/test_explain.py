"""ferrio.explain(): who waits for whom, in words."""

import _asyncio
import asyncio
import threading
import time

import ferrio
import pytest
from support.waiting import waiting

WAIT = 0.02
C_TASK = _asyncio.Task


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
        ended = ferrio.Event()

        async def say_nothing(reader, writer):
            await reader.read()
            writer.close()
            ended.set()

        server = await ferrio.start_server(say_nothing, "127.0.0.1", 0)
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
            try:
                for expected, task in zip(cases, tasks, strict=True):
                    # The child has to be started first.
                    while expected.strip() not in ferrio.explain(task):
                        assert time.monotonic() < deadline, ferrio.explain(task)
                        await asyncio.sleep(WAIT)
            finally:
                release.set()
        writer.close()
        await ended.wait()
        server.close()
        await asyncio.sleep(WAIT)

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
        assert f"Task {strange.get_name()!r} (" in ferrio.explain(strange)
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

    async def main(name, primitive, other_is_there, done):
        async with waiting(**{name: result_of(primitive)}):
            other_is_there.wait()
            texts.append(ferrio.explain())
            done.wait()

    there, done = threading.Barrier(2, timeout=30), threading.Barrier(2, timeout=30)
    thread = threading.Thread(target=lambda: ferrio.run(main("left", ferrio.Event().wait(), there, done)))
    thread.start()
    ferrio.run(main("right", ferrio.Queue().get(), there, done))
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


def test_tasks_of_another_make():
    """asyncio's own tasks, of its version in C, on Ferrio's loop."""

    async def main():
        lock = asyncio.Lock()
        loop = asyncio.get_running_loop()
        tasks = [C_TASK(inside(lock), loop=loop, name=name) for name in ("holder", "waiter")]
        await asyncio.sleep(0)
        text = ferrio.explain(tasks[1])
        assert "held by Task 'holder'" in text
        assert "'waiter'" in ferrio.explain()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    ferrio.run(main())
