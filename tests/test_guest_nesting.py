"""A loop inside of another main loop: main loops inside of its steps, and calls between them."""

import asyncio
import contextvars
import socket
import time

from support.poll_host import run, settle
from support.toolkits import require_descriptor

require_descriptor()

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
