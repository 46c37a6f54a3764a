"""ferrio.DeadlockError: a loop with tasks, and nothing that could ever wake it."""

import asyncio
import signal
import threading
import time

import ferrio
import pytest
from support.processes import output

WAIT = 0.02


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
