"""A loop inside of another main loop, which is a poll in Python: what wakes it up, and the limits of a step."""

import asyncio
import select
import signal
import socket
import threading
import time

import ferrio
import pytest
from ferrio.guest import Guest
from support.poll_host import is_readable, run, settle
from support.toolkits import require_descriptor

require_descriptor()

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
    # It takes a few milliseconds at most, which may be over after any step on a busy machine.
    calls = 0
    while not task.done():
        guest.serve()
        calls += 1
    assert calls < 25


# What is counted


def test_the_lag_of_a_guest(host, guest, loop):
    async def main():
        before = ferrio.stats()
        await asyncio.sleep(0)
        time.sleep(0.06)
        assert ferrio.stats().blocked >= 0.06
        await asyncio.sleep(0.001)
        after = ferrio.stats()
        assert 0.06 <= after.lag_worst < 5
        assert after.iterations > before.iterations and after.lag_samples > before.lag_samples
        await asyncio.sleep(0.02)
        return ferrio.stats().lag

    # An idle guest is not late.
    assert run(host, guest, main()) < 0.06


@pytest.mark.parametrize("why", ["timer", "work", "nothing", "past"])
def test_a_host_that_is_late_for_its_guest(host, guest, loop, why):
    async def main():
        await asyncio.Event().wait()

    guest.start(main())
    settle(guest)
    start = ferrio.stats(loop).lag_worst
    if why == "timer":
        loop.call_later(0.01, print)
    # The host does something else.
    time.sleep(0.05)
    if why == "work":
        loop.call_soon(print)
        time.sleep(0.05)
    if why == "past":
        # It was due long before the guest knew of it.
        loop.call_at(0.0, print)
    settle(guest)
    lag = ferrio.stats(loop).lag_worst
    assert start < 0.03
    assert 0.03 <= lag < 5 if why in ("timer", "work") else lag < 0.03
