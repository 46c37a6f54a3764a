"""A loop inside of another main loop: how it begins and ends, what is refused, and loops whose runs are a host's.

This file has more than 400 lines because each wrong order of the calls has a test of its own.
"""

import asyncio
import gc
import queue
import select
import threading
import time
import warnings

import ferrio
import pytest
from ferrio import guest as guests
from ferrio.guest import Guest
from support.poll_host import PollHost, new_event_loop, run, settle
from support.processes import forked, output
from support.toolkits import require_descriptor

require_descriptor()

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
            try:
                threading.Timer(0.01, os.kill, [os.getpid(), signal.SIGINT]).start()
                host.run_until(lambda: False)
            except KeyboardInterrupt:
                print("interrupted")
        loop.close()
    """
    assert output(script) == "interrupted\n"


# A host that can't watch a descriptor


class QueueHost:
    """A main loop that takes functions from a queue which threads may put them into."""

    def __init__(self):
        self.queue = queue.SimpleQueue()

    def run_until(self, condition):
        while not condition():
            self.queue.get()()


@pytest.fixture
def queue_host():
    return QueueHost()


@pytest.fixture
def woken(loop, queue_host):
    with Guest(loop, wakeup=lambda: queue_host.queue.put(woken.step)) as woken:
        yield woken


def test_a_wakeup_is_called_when_a_step_is_due(queue_host, woken, loop):
    async def main():
        await asyncio.sleep(0.002)
        await asyncio.to_thread(int)
        return 1

    task = woken.start(main())
    queue_host.run_until(task.done)
    assert task.result() == 1
    # From outside of a step, and from a thread.
    ran = []
    loop.call_soon(ran.append, 1)
    queue_host.run_until(lambda: ran)
    threading.Timer(0.001, loop.call_soon_threadsafe, [ran.append, 2]).start()
    queue_host.run_until(lambda: len(ran) == 2)


def test_a_wakeup_reaches_a_main_loop_inside_of_a_step(queue_host, woken):
    async def other():
        await asyncio.sleep(0.002)
        closed.append(1)

    async def dialog():
        task = asyncio.create_task(other())
        queue_host.run_until(lambda: closed)
        await task

    closed = []
    task = woken.start(dialog())
    queue_host.run_until(task.done)


def test_an_idle_guest_is_not_woken_up(queue_host, woken):
    task = woken.start(asyncio.sleep(0))
    queue_host.run_until(task.done)
    time.sleep(0.05)
    # What was asked for before the guest was idle.
    while not queue_host.queue.empty():
        queue_host.queue.get()()
    time.sleep(0.05)
    assert queue_host.queue.empty()


def test_a_wakeup_that_fails_is_logged(loop, caplog):
    failed = threading.Event()

    def fail():
        failed.set()
        raise ZeroDivisionError

    with Guest(loop, wakeup=fail) as guest:
        guest.start()
        assert failed.wait(10)
    assert "a guest's wakeup has failed" in caplog.text


@pytest.mark.parametrize("wakeup", [3, "x", object()])
def test_a_wakeup_that_is_no_callable(loop, wakeup):
    with pytest.raises(TypeError, match="wakeup must be a callable"):
        Guest(loop, wakeup=wakeup)
