"""A loop inside of another main loop: the guest itself, over a host that is a poll in Python."""

import asyncio
import contextvars
import gc
import select
import signal
import socket
import threading
import time
import warnings

import ferrio
import pytest
from ferrio import guest as guests
from ferrio.guest import Guest
from support.poll_host import PollHost, new_event_loop
from support.processes import forked, output


@pytest.fixture
def host():
    return PollHost()


@pytest.fixture
def guest(loop, host):
    guest = Guest(loop)
    host.watch(guest.fileno(), guest.step)
    yield guest
    guest.close()


def run(host, guest, main):
    """The result of a main coroutine."""
    task = guest.start(main)
    host.run_until(task.done)
    return task.result()


def is_readable(guest):
    return bool(select.select([guest.fileno()], [], [], 0)[0])


def settle(guest):
    """Step until nothing is left to do."""
    while is_readable(guest):
        guest.step()


# A main coroutine


def test_a_main_coroutine_runs_to_its_result(host, guest):
    async def main():
        await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        return 42

    assert run(host, guest, main()) == 42


def test_timers_in_any_order_end_on_time(host, guest, loop):
    delays = [0.03, 0.01, 0.02, 0.0, 0.01]

    async def wait(delay):
        start = loop.time()
        await asyncio.sleep(delay)
        assert loop.time() >= start + delay
        order.append(delay)

    async def main():
        await asyncio.gather(*map(wait, delays))

    order = []
    run(host, guest, main())
    assert order == sorted(delays)


def test_what_descriptors_threads_and_processes_bring_ends_the_wait(host, guest):
    async def answer(reader, writer):
        writer.write(await reader.read(100))
        writer.close()
        await writer.wait_closed()

    async def main():
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"abc")
        received = await reader.read()
        writer.close()
        await writer.wait_closed()
        server.close()
        in_thread = await asyncio.to_thread(threading.get_ident)
        process = await asyncio.create_subprocess_exec("echo", "def", stdout=asyncio.subprocess.PIPE)
        printed, _ = await process.communicate()
        return received, in_thread != threading.get_ident(), printed

    assert run(host, guest, main()) == (b"abc", True, b"def\n")


def test_an_exception_of_main_stays_in_its_task(host, guest):
    async def main():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(host, guest, main())


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit])
def test_an_exit_comes_out_of_the_step_and_the_rest_goes_on(host, guest, loop, ending):
    ran = []

    def end():
        raise ending

    guest.start()
    loop.call_soon(end)
    loop.call_soon(ran.append, 1)
    with pytest.raises(ending):
        settle(guest)
    assert ran == []
    settle(guest)
    assert ran == [1]


def test_an_error_in_a_callback_goes_to_the_loops_handler(guest, loop):
    seen = []
    loop.set_exception_handler(lambda _, context: seen.append(context["exception"]))
    guest.start()
    loop.call_soon(lambda: 1 // 0)
    settle(guest)
    assert [type(exception) for exception in seen] == [ZeroDivisionError]


# What wakes the host up


def test_an_idle_guest_never_wakes_the_host(guest, loop):
    guest.start()
    settle(guest)
    assert guest.timeout() is None
    assert not select.select([guest.fileno()], [], [], 0.05)[0]


def test_a_callback_from_outside_of_a_step_wakes_the_host(guest, loop):
    ran = []
    guest.start()
    settle(guest)
    for number in range(3):
        loop.call_soon(ran.append, number)
        assert is_readable(guest)
        assert guest.timeout() == 0
        settle(guest)
    assert ran == [0, 1, 2]


def test_a_task_and_a_result_from_outside_of_a_step_wake_the_host(guest, loop):
    guest.start()
    settle(guest)
    future = loop.create_future()

    async def wait():
        return await future

    task = asyncio.create_task(wait())  # there is a running loop, also here
    assert is_readable(guest)
    settle(guest)
    future.set_result(7)
    assert is_readable(guest)
    settle(guest)
    assert task.result() == 7


def test_a_timer_from_outside_of_a_step_is_on_time(guest, loop):
    ran = []
    guest.start()
    settle(guest)
    loop.call_later(3600, ran.append, "late")
    loop.call_later(0.01, ran.append, "early")
    assert 0 < guest.timeout() <= 0.01
    assert not is_readable(guest)
    start = time.monotonic()
    assert select.select([guest.fileno()], [], [], 10)[0]
    assert time.monotonic() - start >= 0.009
    settle(guest)
    assert ran == ["early"]
    # The alarm has rung and rings no more.
    assert not is_readable(guest)
    assert 3000 < guest.timeout() <= 3600


@pytest.mark.parametrize("when", [float("nan"), float("-inf"), -1])
def test_a_timer_in_the_past_is_due_at_once(guest, loop, when):
    ran = []
    guest.start()
    settle(guest)
    loop.call_at(when, ran.append, 1)
    assert select.select([guest.fileno()], [], [], 10)[0]
    settle(guest)
    assert ran == [1]


def test_a_cancelled_timer_does_not_wake_the_host_for_long(guest, loop):
    guest.start()
    settle(guest)
    timers = [loop.call_later(0.001, print) for _ in range(3)]
    for timer in timers:
        timer.cancel()
    deadline = time.monotonic() + 0.05
    steps = 0
    while time.monotonic() < deadline:
        if select.select([guest.fileno()], [], [], 0.005)[0]:
            guest.step()
            steps += 1
    assert steps <= 1
    assert guest.timeout() is None


def test_a_clock_of_the_programs_own_is_obeyed(host):
    class Jumping(ferrio.Loop):
        jumped = 0

        def time(self):
            return super().time() + self.jumped

    async def main():
        asyncio.get_running_loop().call_later(0.01, setattr, loop, "jumped", 3600)
        await asyncio.sleep(3600)
        return 1

    loop = Jumping()
    with Guest(loop) as guest:
        host.watch(guest.fileno(), guest.step)
        assert run(host, guest, main()) == 1
    loop.close()


def test_another_thread_wakes_the_host(host, guest, loop):
    ran = []
    guest.start()
    settle(guest)
    thread = threading.Thread(target=loop.call_soon_threadsafe, args=[ran.append, 1])
    thread.start()
    host.run_until(lambda: ran)
    thread.join()
    assert ran == [1]


def test_many_threads_lose_no_call(host, guest, loop):
    calls, count = [], 2000

    def call():
        for _ in range(count):
            loop.call_soon_threadsafe(calls.append, None)

    guest.start()
    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    host.run_until(lambda: len(calls) == 4 * count)
    for thread in threads:
        thread.join()


def test_stop_from_outside_of_a_step_stops_the_guest(host, guest, loop):
    guest.start()
    settle(guest)
    assert not guest.stopped
    loop.stop()
    assert is_readable(guest)
    guest.step()
    assert guest.stopped


def test_a_signal_wakes_the_host(host, guest, loop):
    received = []
    guest.start()
    loop.add_signal_handler(signal.SIGUSR1, received.append, 1)
    settle(guest)
    signal.raise_signal(signal.SIGUSR1)
    host.run_until(lambda: received)
    loop.remove_signal_handler(signal.SIGUSR1)


# Limits of a step


def test_a_step_is_bounded_in_callbacks(loop):
    ran = []
    with Guest(loop, callbacks=10) as guest:
        guest.start()
        for number in range(25):
            loop.call_soon(ran.append, number)
        guest.step()
        assert ran == list(range(10))
        assert is_readable(guest)
        guest.step()
        guest.step()
        assert ran == list(range(25))
        settle(guest)


def test_a_step_is_bounded_in_time(loop):
    ran = []

    def slow(number):
        time.sleep(0.02)
        ran.append(number)

    with Guest(loop, seconds=0.01) as guest:
        guest.start()
        for number in range(3):
            loop.call_soon(slow, number)
        guest.step()
        assert ran == [0]
        assert guest.timeout() == 0
        settle(guest)
        assert ran == [0, 1, 2]


def test_a_step_never_waits(guest, loop):
    guest.start()
    loop.call_later(3600, print)
    start = time.monotonic()
    for _ in range(100):
        guest.step()
    assert time.monotonic() - start < 1


def test_a_guest_that_is_never_idle_leaves_the_host_its_turn(guest, loop, host):
    turns = []
    ours, theirs = socket.socketpair()
    with ours, theirs:
        host.watch(ours.fileno(), lambda: turns.append(ours.recv(1)))

        async def busy():
            while len(turns) < 3:
                await asyncio.sleep(0)

        task = guest.start(busy())
        for _ in range(3):
            theirs.send(b"x")
            expected = len(turns) + 1
            host.run_until(lambda: len(turns) >= expected)
        host.run_until(task.done)
        host.forget(ours.fileno())


def test_serve_goes_on_while_there_is_work(guest, loop):
    async def main():
        for _ in range(50):
            await asyncio.sleep(0)

    task = guest.start(main())
    guest.serve()
    assert task.done()


# Main loops inside of steps


def test_a_main_loop_inside_of_a_task_serves_the_others(host, guest):
    closed = []

    async def close_later():
        assert asyncio.current_task() is tasks[1]
        await asyncio.sleep(0.005)
        assert asyncio.current_task() is tasks[1]
        closed.append(1)

    async def dialog():
        this = asyncio.current_task()
        assert this is tasks[0]
        host.run_until(lambda: closed)  # as dialog.exec() or wait_window()
        assert asyncio.current_task() is this
        assert asyncio.get_running_loop() is guest.get_loop()
        await asyncio.sleep(0)
        return "closed"

    guest.start()
    tasks = [asyncio.create_task(dialog()), asyncio.create_task(close_later())]
    host.run_until(lambda: all(task.done() for task in tasks))
    assert tasks[0].result() == "closed"


def test_work_that_appears_inside_of_a_nested_main_loop_is_served(host, guest, loop):
    done = []
    ours, theirs = socket.socketpair()
    ours.setblocking(False)

    def clicked():
        ours.recv(1)
        asyncio.create_task(work()).add_done_callback(done.append)

    async def work():
        await asyncio.sleep(0)

    async def dialog():
        theirs.send(b"x")
        host.run_until(lambda: done)

    with ours, theirs:
        host.watch(ours.fileno(), clicked)
        run(host, guest, dialog())
        host.forget(ours.fileno())


def test_main_loops_nest_deeply(host, guest):
    opened, closed = [], []

    async def dialog(level):
        opened.append(level)
        if level < 20:
            child = asyncio.create_task(dialog(level + 1))
            host.run_until(child.done)
        closed.append(level)

    run(host, guest, dialog(0))
    assert closed == opened[::-1]


def test_a_context_that_is_entered_further_out_is_left_first(host, guest, loop):
    shared = contextvars.copy_context()
    variable = contextvars.ContextVar("variable", default=0)
    order = []

    def other():
        order.append(("other", variable.get()))

    async def partner():
        order.append(("partner", variable.get()))

    async def dialog():
        variable.set(5)
        loop.call_soon(other, context=shared)
        task = loop.create_task(partner(), context=shared)
        closing = loop.call_later(0.01, closed.append, 1)
        host.run_until(lambda: closed)
        order.append("dialog")
        await task
        del closing

    closed = []
    guest.start()
    task = loop.create_task(dialog(), context=shared)
    host.run_until(task.done)
    task.result()
    assert order == ["dialog", ("other", 5), ("partner", 5)]


def test_a_main_loop_inside_of_a_callback_of_a_reader(host, guest, loop):
    """The descriptor stays readable all the time, and its callback can't run inside of itself."""
    calls, closed = [], []
    ours, theirs = socket.socketpair()

    def read():
        calls.append(1)
        loop.call_later(0.005, closed.append, 1)
        host.run_until(lambda: closed)
        calls.append(2)
        ours.recv(1)

    with ours, theirs:
        guest.start()
        loop.add_reader(ours, read)
        theirs.send(b"x")
        host.run_until(lambda: len(calls) == 2)
        settle(guest)
        loop.remove_reader(ours)
    # It did not run once more when the descriptor was no longer readable: it would have waited for ever.
    assert calls == [1, 2]


def test_context_variables_of_the_host_and_of_tasks_are_apart(host, guest, loop):
    variable = contextvars.ContextVar("variable", default="host")

    async def main():
        variable.set("main")
        await asyncio.sleep(0)
        assert variable.get() == "main"

    run(host, guest, main())
    assert variable.get() == "host"


def test_stop_inside_of_a_nested_step_stops_the_guest(host, guest, loop):
    async def dialog():
        loop.call_soon(loop.stop)
        host.run_until(lambda: guest.stopped)

    task = guest.start(dialog())
    host.run_until(task.done)
    assert guest.stopped


def test_debug_mode(host, guest, loop, caplog):
    loop.set_debug(True)
    loop.slow_callback_duration = 0.001

    async def main():
        host.once(0)
        time.sleep(0.002)
        await asyncio.sleep(0.001)

    run(host, guest, main())
    assert "Executing <Task" in caplog.text


# Outside of steps


def test_the_loop_runs_between_steps_as_seen_from_the_thread(guest, loop):
    assert asyncio._get_running_loop() is None
    guest.start()
    assert asyncio.get_running_loop() is loop
    assert loop.is_running()
    assert asyncio.current_task() is None
    guest.close()
    assert asyncio._get_running_loop() is None
    assert not loop.is_running()


def test_a_call_in_a_thread_from_outside_of_a_step(host, guest, loop):
    guest.start()
    future = loop.run_in_executor(None, lambda: 3)
    host.run_until(future.done)
    assert future.result() == 3


def test_a_write_from_outside_of_a_step_is_sent_at_once(host, guest):
    ours, theirs = socket.socketpair()

    async def main():
        return await asyncio.open_connection(sock=ours)

    with theirs:
        _, writer = run(host, guest, main())
        for _ in range(10):
            writer.write(b"a")
            writer.write(b"b")
            assert theirs.recv(10) == b"ab"
        writer.close()
        settle(guest)


# Bad input


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"callbacks": 0}, ValueError),
        ({"callbacks": "x"}, TypeError),
        ({"seconds": -1}, ValueError),
        ({"seconds": float("nan")}, ValueError),
        ({"seconds": None}, TypeError),
    ],
)
def test_limits_that_are_none(loop, arguments, error):
    with pytest.raises(error):
        Guest(loop, **arguments)


def test_large_and_odd_limits(loop):
    with Guest(loop, callbacks=1e30, seconds=float("inf")) as guest:
        guest.start()
        settle(guest)


def test_another_kind_of_loop_is_refused():
    theirs = asyncio.SelectorEventLoop()
    with pytest.raises(TypeError, match=r"a ferrio\.Loop is expected"):
        Guest(theirs)
    theirs.close()


def test_a_closed_loop_is_refused():
    loop = ferrio.new_event_loop()
    guest = Guest(loop)
    loop.close()
    for call in (guest.fileno, guest.timeout, guest.start, lambda: Guest(loop)):
        with pytest.raises(RuntimeError, match="Event loop is closed"):
            call()
    guest.close()


def test_a_guest_that_does_not_run(guest):
    with pytest.raises(RuntimeError, match="the guest does not run"):
        guest.step()
    guest.close()
    guest.close()


def test_a_second_start_is_refused(guest):
    guest.start()
    with pytest.raises(RuntimeError, match="started already"):
        guest.start()


def test_a_second_guest_in_the_thread_is_refused(guest):
    guest.start()
    other = ferrio.new_event_loop()
    with pytest.raises(RuntimeError, match="another loop is running"):
        Guest(other).start()
    with pytest.raises(RuntimeError, match="already running"):
        Guest(guest.get_loop()).start()
    assert asyncio.get_running_loop() is guest.get_loop()
    other.close()


def test_what_is_not_a_coroutine_leaves_nothing_started(guest, loop):
    with pytest.raises(TypeError, match="a coroutine was expected"):
        guest.start(42)
    assert asyncio._get_running_loop() is None
    assert not loop.is_running()
    guest.start()
    settle(guest)


def test_a_step_in_another_thread_is_refused(guest):
    guest.start()
    errors = []

    def step():
        for call in (guest.step, guest.close):
            try:
                call()
            except RuntimeError as error:
                errors.append(str(error))

    thread = threading.Thread(target=step)
    thread.start()
    thread.join()
    assert len(errors) == 2
    assert all("thread" in error for error in errors)


def test_the_loop_cannot_be_run_or_closed_meanwhile(guest, loop):
    guest.start()
    with pytest.raises(RuntimeError, match="already running"):
        loop.run_forever()
    coroutine = asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="already running"):
        loop.run_until_complete(coroutine)
    with pytest.raises(RuntimeError, match="running event loop"):
        asyncio.run(coroutine)
    coroutine.close()
    with pytest.raises(RuntimeError, match="Cannot close a running event loop"):
        loop.close()


def test_the_guest_cannot_be_closed_inside_of_a_step(host, guest):
    async def main():
        with pytest.raises(RuntimeError, match="inside of its own step"):
            guest.close()
        await asyncio.sleep(0)
        return 1

    assert run(host, guest, main()) == 1


def test_close_cancels_a_main_that_has_not_ended(guest, loop):
    ended = []

    async def main():
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.001)
            ended.append(1)

    task = guest.start(main())
    settle(guest)
    guest.close()
    assert ended == [1]
    assert task.cancelled()
    assert loop.run_until_complete(asyncio.sleep(0, 5)) == 5


def test_a_loop_is_a_guest_again_and_again(loop):
    async def main(number):
        await asyncio.sleep(0)
        return number

    for number in range(20):
        with Guest(loop) as guest:
            task = guest.start(main(number))
            settle(guest)
            assert task.result() == number
        assert loop.run_until_complete(main(number)) == number


def test_a_guest_that_is_forgotten_is_reported():
    loop = ferrio.new_event_loop()
    guest = Guest(loop)
    guest.start()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del guest
        gc.collect()
    assert any("unclosed guest" in str(warning.message) for warning in caught)
    assert asyncio._get_running_loop() is None
    assert not loop.is_running()
    loop.close()


def test_a_child_of_fork_has_a_poller_and_an_alarm_of_its_own(guest, loop):
    guest.start()
    settle(guest)
    loop.call_later(0.01, int)

    def child():
        ran = []
        loop.call_later(0.001, ran.append, 1)
        while not ran:
            select.select([guest.fileno()], [], [], 10)
            guest.step()
        return 7

    assert forked(child) == 7
    assert 0 <= guest.timeout() <= 0.01
    settle(guest)


# A loop whose runs are a host's


def test_a_hosted_loop_works_in_a_runner():
    async def main():
        await asyncio.sleep(0.001)
        return asyncio.get_running_loop()

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        assert runner.run(main()) is runner.get_loop()
        assert runner.run(main()) is runner.get_loop()


def test_run_returns_what_main_returns(host):
    assert guests.run(asyncio.sleep(0.001, 3), host) == 3


def test_run_raises_what_main_raises(host):
    async def main():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        guests.run(main(), host)


class ShortHost(PollHost):
    """A host that ends by itself after so many turns."""

    def run(self, guest):
        self.watch(guest.fileno(), guest.step)
        for _ in range(3):
            self.once(0.01)
        self.forget(guest.fileno())


def test_a_host_that_ends_first_cancels_main():
    ended = []

    async def main():
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.001)
            ended.append(1)

    assert guests.run(main(), ShortHost()) is None
    assert ended == [1]


def test_a_main_that_catches_the_end_of_its_host_has_a_result():
    async def main():
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            return "saved"

    assert guests.run(main(), ShortHost()) == "saved"


def test_a_main_that_cancels_itself_is_no_end_of_the_host(host):
    async def main():
        asyncio.current_task().cancel()
        await asyncio.sleep(1)

    with pytest.raises(asyncio.CancelledError):
        guests.run(main(), host)


def test_a_host_that_fails(host):
    class Failing(PollHost):
        def run(self, guest):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        guests.run(asyncio.sleep(1), Failing())


def test_run_inside_of_a_running_loop(host):
    async def main():
        inner = asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="cannot be called from a running event loop"):
            guests.run(inner, host)
        inner.close()

    asyncio.run(main())


def test_an_interrupt_cancels_main():
    script = """
        import asyncio, os, signal, threading
        from ferrio import guest
        from support.poll_host import PollHost

        async def main():
            threading.Timer(0.01, os.kill, [os.getpid(), signal.SIGINT]).start()
            try:
                await asyncio.sleep(3600)
            finally:
                print("cleaned up")

        try:
            guest.run(main(), PollHost())
        except KeyboardInterrupt:
            print("interrupted")
    """
    assert output(script) == "cleaned up\ninterrupted\n"


def test_an_interrupt_ends_a_host_that_waits():
    script = """
        import os, signal, threading
        import ferrio
        from ferrio.guest import Guest
        from support.poll_host import PollHost

        loop, host = ferrio.new_event_loop(), PollHost()
        with Guest(loop) as guest:
            guest.start()
            host.watch(guest.fileno(), guest.step)
            threading.Timer(0.01, os.kill, [os.getpid(), signal.SIGINT]).start()
            try:
                host.run_until(lambda: False)
            except KeyboardInterrupt:
                print("interrupted")
        loop.close()
    """
    assert output(script) == "interrupted\n"
