"""The garbage collector and handles: those that only a running loop has are hidden from it, all others are not."""

import asyncio
import gc
import threading
import weakref

import ferrio
import pytest
from ferrio import testing


class Value:
    """Something that can be in a cycle."""


@pytest.fixture
def loop():
    loop = ferrio.new_event_loop()
    yield loop
    loop.close()


def run(loop):
    loop.call_soon(loop.stop)
    loop.run_forever()


def in_a_cycle(schedule):
    """A reference to an object that has the handle of its own method."""
    value = Value()
    value.method = lambda: value
    value.handle = schedule(value.method)
    return weakref.ref(value)


def schedules(loop):
    def from_a_thread(callback):
        handles = []
        thread = threading.Thread(target=lambda: handles.append(loop.call_soon_threadsafe(callback)))
        thread.start()
        thread.join()
        return handles.pop()

    return [
        loop.call_soon,
        loop.call_soon_threadsafe,
        from_a_thread,
        lambda callback: loop.call_later(0, callback),
    ]


@pytest.mark.parametrize("which", range(4))
@pytest.mark.parametrize("cancel", [False, True])
def test_a_cycle_through_a_handle_that_has_run_is_collected(loop, which, cancel):
    references = []

    def outer():
        references.append(in_a_cycle(schedules(loop)[which]))
        if cancel:
            references[0]().handle.cancel()
        loop.call_later(0.01, loop.stop)

    loop.call_soon(outer)
    loop.run_forever()
    gc.collect()
    assert references[0]() is None


def leave_a_loop(which):
    """References to a loop that nobody closes, and to objects in cycles with it and its handles."""
    loop = ferrio.new_event_loop()
    references = [weakref.ref(loop)]

    def outer():
        # It is left when the run ends.
        loop.stop()
        references.append(in_a_cycle(schedules(loop)[which]))
        references[1]().loop = loop

    loop.call_soon(outer)
    loop.run_forever()
    references.append(in_a_cycle(schedules(loop)[which]))
    references[2]().loop = loop
    return references


@pytest.mark.parametrize("which", range(4))
def test_a_cycle_through_a_loop_that_nobody_closes_is_collected(which):
    references = leave_a_loop(which)
    with pytest.warns(ResourceWarning, match="unclosed event loop"):
        gc.collect()
    assert [reference() for reference in references] == [None] * 3


def test_handles_of_a_running_loop_survive_a_collection(loop):
    ran = []

    def outer():
        for number in range(1000):
            loop.call_soon(ran.append, number)
            loop.call_soon(ran.append, [number])
        gc.collect()

    loop.call_soon(outer)
    loop.call_later(0.01, loop.stop)
    loop.run_forever()
    assert ran == [item for number in range(1000) for item in (number, [number])]


def test_a_handle_that_somebody_keeps_is_seen_after_its_run(loop):
    handles = []
    loop.call_soon(lambda: handles.append(loop.call_soon(int)))
    run(loop)
    run(loop)
    assert gc.is_tracked(handles[0])
    assert gc.is_tracked(loop.call_soon(int))
    assert gc.is_tracked(loop.call_later(0, int))
    loop.add_signal_handler(10, int)
    assert all(map(gc.is_tracked, loop._signal_handlers.values()))


def test_a_handle_whose_callback_fails_is_seen():
    reports = []

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: reports.append(context))
        loop.call_soon(lambda: 1 / 0)
        await asyncio.sleep(0.001)

    ferrio.run(main())
    assert gc.is_tracked(reports[0]["handle"])


def test_what_a_paused_host_has_not_run_is_collected():
    references = []

    async def server():
        loop = asyncio.get_running_loop()
        for _ in range(10):
            references.append(in_a_cycle(loop.call_soon))
            references[-1]().loop = loop
            await asyncio.sleep(0.5)

    async def main():
        network = testing.network()
        host = network.host("server")
        host.start(server)
        await asyncio.sleep(1)
        references.append(in_a_cycle(asyncio.get_running_loop().call_soon))
        host.pause()
        await asyncio.sleep(100)

    testing.run(main(), network="memory")
    gc.collect()
    assert len(references) > 2 and [reference() for reference in references] == [None] * len(references)
