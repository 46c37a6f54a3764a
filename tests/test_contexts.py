"""The contexts of callbacks. A waiting callback has the variables of its context, and no context of its own."""

import asyncio
import contextvars
import gc
import os
import sys
import threading
import weakref

import ferrio
import pytest

VARIABLE: contextvars.ContextVar[object] = contextvars.ContextVar("VARIABLE", default=None)

SEEN_BY_THE_HANDLER = "failing" if sys.version_info >= (3, 12) else "before"


@pytest.fixture(params=[ferrio, asyncio], ids=["ferrio", "asyncio"])
def library(request):
    return request.param


@pytest.fixture
def loop(library):
    loop = library.new_event_loop()
    yield loop
    loop.close()


def run(loop, seconds=0.0):
    loop.call_later(seconds, loop.stop)
    loop.run_forever()


def contexts_of(handle):
    return [one for one in gc.get_referents(handle) if isinstance(one, contextvars.Context)]


@pytest.mark.parametrize("schedule", ["call_soon", "call_soon_threadsafe", "call_later", "call_at"])
def test_a_waiting_callback_has_no_context_of_its_own(schedule):
    loop = ferrio.new_event_loop()
    when = {"call_later": (0,), "call_at": (0,)}.get(schedule, ())
    contextvars.copy_context()  # The thread has a current context from here on.
    handle = getattr(loop, schedule)(*when, int)
    # This is what the layout of contexts is searched for; it must be found on every interpreter.
    assert contexts_of(handle) == []
    context = handle.get_context() if hasattr(asyncio.Handle, "get_context") else handle._context
    assert type(context) is contextvars.Context
    assert contexts_of(handle) == [context] and handle._context is context
    loop.close()


def test_each_callback_has_the_values_of_its_call(loop):
    seen = []

    def callback(number):
        seen.append((number, VARIABLE.get()))
        VARIABLE.set("changed by a callback")

    for number in range(10):
        VARIABLE.set(number)
        loop.call_soon(callback, number)
    VARIABLE.set("changed later")
    run(loop)
    assert seen == [(number, number) for number in range(10)]
    assert VARIABLE.get() == "changed later"


def test_callbacks_of_a_thread_that_has_used_no_context(loop):
    seen = []
    VARIABLE.set("of the loop's thread")
    thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(lambda: seen.append(VARIABLE.get())))
    thread.start()
    thread.join()
    run(loop)
    # 3.14 can have threads inherit the context of the thread that starts them.
    inherits = getattr(sys.flags, "thread_inherit_context", 0)
    assert seen == ["of the loop's thread" if inherits else None]


def test_values_are_let_go_of_when_the_callback_has_run(loop):
    class Value:
        pass

    def call_with_a_value(change):
        value = Value()
        VARIABLE.set(value)
        loop.call_soon(lambda: VARIABLE.set(Value()) if change else None)
        VARIABLE.set(None)
        return weakref.ref(value)

    for change in (False, True):
        reference = call_with_a_value(change)
        assert reference() is not None
        run(loop)
        assert reference() is None
    gc.collect()
    assert not [one for one in gc.get_objects() if isinstance(one, Value)]


def test_a_handle_that_somebody_has_keeps_its_context(loop):
    handles = []

    def callback(number):
        VARIABLE.set((number, "set by the callback"))

    for number in range(3):
        handles.append(loop.call_soon(callback, number))
    run(loop)
    contexts = [handle._context for handle in handles]
    assert [context[VARIABLE] for context in contexts] == [(n, "set by the callback") for n in range(3)]
    assert len({id(context) for context in contexts}) == 3


def test_a_context_that_the_callback_has_taken_stays_its_own(loop):
    taken = []

    def callback():
        taken.append(handles.pop()._context)
        VARIABLE.set("mine")

    handles = [loop.call_soon(callback)]
    run(loop)
    loop.call_soon(VARIABLE.set, "another's")
    run(loop)
    assert taken[0][VARIABLE] == "mine"
    assert taken[0].run(VARIABLE.get) == "mine"


def test_a_handle_that_runs_again_has_the_same_context(loop):
    seen = []

    def callback():
        seen.append(VARIABLE.get())
        VARIABLE.set(len(seen))

    handle = loop.call_soon(callback)
    handle._run()
    handle._run()
    run(loop)
    assert seen == [None, 1, 2]

    # A reader is a handle that runs often.
    seen.clear()
    receive, send = os.pipe()
    loop.add_reader(receive, callback)
    os.write(send, b"never read")
    for _ in range(3):
        run(loop)
    loop.remove_reader(receive)
    os.close(receive)
    os.close(send)
    assert seen[:3] == [None, 1, 2]


def test_loops_inside_of_callbacks(library, loop):
    seen = []

    def outer():
        VARIABLE.set("outer")
        inner = library.new_event_loop()
        asyncio._set_running_loop(None)
        try:
            inner.call_soon(lambda: seen.append(VARIABLE.get()))
            run(inner)
        finally:
            inner.close()
            asyncio._set_running_loop(loop)
        seen.append(VARIABLE.get())

    loop.call_soon(outer)
    loop.call_soon(lambda: seen.append(VARIABLE.get()))
    run(loop)
    assert seen == ["outer", "outer", None]


def test_a_callback_that_fails_and_one_that_is_cancelled(loop):
    seen, reports = [], []
    loop.set_exception_handler(lambda loop, context: reports.append((context["exception"], VARIABLE.get())))

    def fail():
        VARIABLE.set("failing")
        raise ValueError("a callback")

    VARIABLE.set("before")
    loop.call_soon(fail)
    handle = loop.call_soon(seen.append, "cancelled")
    handle.cancel()
    loop.call_soon(lambda: seen.append(VARIABLE.get()))
    run(loop)
    VARIABLE.set(None)
    assert seen == ["before"]
    # The exception handler is called in the context of the handle, from 3.12 on.
    assert [(type(error), value) for error, value in reports] == [(ValueError, SEEN_BY_THE_HANDLER)]
    assert handle._context[VARIABLE] == "before"


def test_a_cycle_through_the_variables_is_collected(loop):
    class Value:
        pass

    value = Value()
    VARIABLE.set(value)
    value.handle = loop.call_later(1000, int)
    VARIABLE.set(None)
    reference = weakref.ref(value)
    value.handle.cancel()
    del value
    run(loop)
    loop.close()
    gc.collect()
    assert reference() is None


def test_the_context_is_asked_for_while_the_one_before_goes():
    loop, seen = ferrio.new_event_loop(), []

    class Value:
        def __del__(self):
            seen.append(handle._context)

    own = contextvars.copy_context()
    own.run(VARIABLE.set, "own")
    for number in range(100):
        VARIABLE.set(Value())
        handle = loop.call_soon(int)
        VARIABLE.set(None)
        handle.__init__(int, (), loop, own)
        assert seen[number] is own and handle._context is own and own[VARIABLE] == "own"
    loop.close()


def test_the_spare_context_of_a_loop_is_left_to_who_has_found_it():
    loop = ferrio.new_event_loop()
    for number in range(3):
        loop.call_soon(VARIABLE.set, number)
        run(loop)
        (spare,) = contexts_of(loop)
        assert VARIABLE not in spare
        spare.run(VARIABLE.set, "found")
        loop.call_soon(VARIABLE.set, "a callback's")
        run(loop)
        assert spare[VARIABLE] == "found" and contexts_of(loop) != [spare]
    loop.close()
