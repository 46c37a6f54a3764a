"""What a hostile program does: nothing that Python code does may crash the process, hang it, or lose a wake-up.

Each test was a crash, a hang or a loss. A test that could crash the process runs in a child.

This file has more than 400 lines because SAFETY.md names it as the one place of such tests. No two tests share more
than the helpers at the top.
"""

import asyncio
import contextlib
import gc
import logging
import os
import socket
import sys
import threading
import weakref

import ferrio
import pytest
from support.clock import turns, until
from support.processes import output

SURROGATE = "caf\udce9.txt"  # what os.fsdecode(b"caf\xe9.txt") gives


class Named:
    """A callback whose representation has a lone surrogate."""

    def __call__(self, *args):
        raise ValueError("as planned")

    def __repr__(self):
        return SURROGATE


class Unnameable:
    """A callback whose representation can't be made."""

    def __call__(self, *args):
        raise ValueError("as planned")

    def __repr__(self):
        raise ZeroDivisionError


# The end of the interpreter.


@pytest.mark.parametrize(
    "call",
    [
        "loop.call_soon(again)",  # a handle
        "loop.create_task(forever())",  # a task's step
        "loop.call_later(0, again)",  # a timer
        "loop.create_task(in_coroutine())",  # a coroutine of Ferrio's awaits one of Python's
        "future.add_done_callback(lambda _: again()); future.set_result(None)",  # a callback
        "loop.call_soon(Dying)",  # a finaliser
    ],
)
def test_the_interpreter_may_end_while_a_daemon_thread_is_in_a_callback(call):
    program = f"""
        import asyncio, threading, time
        import ferrio

        started = threading.Event()

        def again():
            started.set()
            while True:
                time.sleep(0.005)  # lets other threads run

        async def forever():
            again()

        async def in_coroutine():
            await ferrio.wait_for(forever(), 1000)

        class Dying:
            def __del__(self):
                again()

        def loops():
            loop = ferrio.new_event_loop()
            future = loop.create_future()
            {call}
            loop.run_forever()

        threading.Thread(target=loops, daemon=True).start()
        assert started.wait(30)
        print("the end")
    """
    for _ in range(3):
        assert output(program) == "the end\n"


def test_the_interpreter_may_end_while_a_daemon_thread_waits_in_the_loop():
    program = """
        import threading
        import ferrio

        running = threading.Event()

        def loops():
            loop = ferrio.new_event_loop()
            loop.call_soon(running.set)
            loop.call_later(0.02, loops)
            loop.run_forever()

        threading.Thread(target=loops, daemon=True).start()
        assert running.wait(30)
        print("the end")
    """
    assert output(program) == "the end\n"


# Representations.


@pytest.mark.parametrize("odd", [Named, Unnameable])
def test_an_odd_repr_in_a_report_does_not_end_the_loop(loop, odd):
    reports = []
    loop.set_exception_handler(lambda _, context: reports.append(context))
    loop.call_soon(odd())
    loop.call_later(0, odd(), odd())
    loop.call_soon(int, odd())
    loop.run_until_complete(until(lambda: len(reports) == 3))
    assert [type(report["exception"]) for report in reports] in (
        [ValueError, TypeError, ValueError],
        [ValueError, ValueError, TypeError],
    )
    assert all(report["message"].startswith("Exception in callback ") for report in reports)
    if odd is Named:
        # From 3.13 on arguments are shown in debug mode only.
        shown = [report for report in reports if isinstance(report["exception"], ValueError)]
        assert all(SURROGATE in report["message"] for report in shown)


@pytest.mark.parametrize("odd", [Named, Unnameable])
def test_an_odd_repr_does_not_end_a_loop_in_debug_mode(loop, odd, caplog):
    loop.set_debug(True)
    loop.slow_callback_duration = 0
    reports = []
    loop.set_exception_handler(lambda _, context: reports.append(context))
    with caplog.at_level(logging.WARNING, "asyncio"):
        loop.call_soon(odd())
        handle = loop.call_later(1000, odd())
        with contextlib.suppress(ZeroDivisionError):
            handle.cancel()
        loop.run_until_complete(asyncio.sleep(0))
    assert len(reports) == 1


def test_lone_surrogates_are_shown_as_asyncio_shows_them(loop):
    def shown(loop, task_class):
        future = loop.create_future()
        future.set_result(Named())

        async def main():
            with pytest.raises(TypeError) as refused:
                task_class(Named(), loop=loop)
            return (
                repr(future),
                str(refused.value),
                repr(loop.call_soon(print, Named())).partition("created")[0],
            )

        return loop.run_until_complete(main())

    stock = asyncio.SelectorEventLoop()
    assert shown(loop, ferrio.Task) == shown(stock, asyncio.Task)
    stock.close()


@pytest.mark.parametrize("odd", [Named, Unnameable])
def test_a_task_that_yields_an_object_with_an_odd_repr_goes_on(odd):
    class Yields:
        def __await__(self):
            try:
                yield odd()
            except (RuntimeError, ZeroDivisionError) as error:
                return error

    async def main():
        return await Yields()

    error = ferrio.run(main())
    assert type(error) is (RuntimeError if odd is Named else ZeroDivisionError)
    assert odd is Unnameable or str(error) == f"Task got bad yield: {SURROGATE}"


def test_a_keyword_with_a_lone_surrogate_is_refused_as_any_other(loop):
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        loop.call_soon(print, **{SURROGATE: 1})


# Wake-ups.


def test_an_executor_call_whose_argument_waits_for_the_loop_when_it_dies():
    program = """
        import asyncio, threading
        import ferrio

        async def main():
            loop = asyncio.get_running_loop()

            class Waits:
                def __del__(self):
                    # The loop's thread may be the last to let go of it.
                    if threading.current_thread() is not threading.main_thread():
                        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result(20)
                        answered.append(True)

            def call(argument):
                return 5

            answered = []
            while len(answered) < 3:
                assert await asyncio.wait_for(loop.run_in_executor(None, call, Waits()), 30) == 5
            print("answered")

        ferrio.run(main())
    """
    assert output(program) == "answered\n"


@pytest.mark.parametrize("number", [1, 2, 5])
def test_a_comparison_that_completes_the_future_loses_no_callback(loop, number):
    class Completes:
        def __eq__(self, other):
            if not future.done():
                future.set_result(None)
            return False

        __hash__ = None

    called = []
    future = loop.create_future()
    callbacks = [lambda _, number=number: called.append(number) for number in range(number)]
    for callback in callbacks:
        future.add_done_callback(callback)
    assert future.remove_done_callback(Completes()) == 0
    loop.run_until_complete(turns())
    assert called == list(range(number))


def test_a_comparison_that_raises_leaves_all_callbacks(loop):
    class Raises:
        def __eq__(self, other):
            raise ZeroDivisionError

        __hash__ = None

    future = loop.create_future()
    called = []
    future.add_done_callback(lambda _: called.append(1))
    future.add_done_callback(lambda _: called.append(2))
    with pytest.raises(ZeroDivisionError):
        future.remove_done_callback(Raises())
    future.set_result(None)
    loop.run_until_complete(turns())
    assert called == [1, 2]


# Coroutines.


@pytest.mark.parametrize("end", ["coroutine.throw(ValueError)", "coroutine.close()"])
def test_a_finaliser_of_what_a_coroutine_awaits_comes_back_to_it(end):
    program = f"""
        import asyncio, contextlib, gc
        import ferrio

        outcomes = []

        class Waiter(ferrio.Future):
            pass

        class Loop(ferrio.Loop):
            pass

        async def main():
            loop = asyncio.get_running_loop()
            for kind in range(3):
                queue = ferrio.Queue()
                coroutine = queue.get()
                waiter = coroutine.send(None)

                class Back:
                    def __del__(self):
                        for call in (lambda: coroutine.send(None), lambda: coroutine.throw(KeyError), coroutine.close):
                            try:
                                call()
                            except (RuntimeError, ValueError, StopIteration, KeyError) as error:
                                outcomes.append(type(error).__name__)

                # The coroutine holds the last reference to the future, and that to the object.
                waiter.back = Back()
                queue._getters.clear()
                del waiter
                gc.collect()
                with contextlib.suppress(ValueError):
                    {end}
                coroutine = None

        ferrio.run(main())
        print(len(outcomes) > 0)
    """
    assert output(program) == "True\n"


def test_a_coroutine_that_was_never_awaited_is_collected_with_its_cycle():
    class Holder:
        pass

    def cycle():
        holder = Holder()
        queue = ferrio.Queue()
        holder.coroutine = queue.put(holder)
        return weakref.ref(holder)

    with pytest.warns(RuntimeWarning, match="never awaited"):
        holder = cycle()
        gc.collect()
    assert holder() is None


def test_the_iterator_of_a_future_is_collected_with_its_cycle(loop):
    def cycle():
        future = loop.create_future()
        future.iterator = future.__await__()
        return weakref.ref(future)

    future = cycle()
    gc.collect()
    assert future() is None


@pytest.mark.parametrize("depth", [pytest.param(20_000, marks=pytest.mark.slow), 100_000])
def test_deeply_nested_coroutines_are_refused_and_freed(depth):
    program = f"""
        import asyncio, gc, warnings
        import ferrio

        warnings.simplefilter("ignore")

        def nested(depth, wrap):
            inner = ferrio.sleep(0)
            for _ in range(depth):
                inner = wrap(inner)
            return inner

        async def main():
            try:
                await nested({depth}, lambda inner: ferrio.wait_for(inner, 1000))
            except RecursionError:
                print("refused")

        ferrio.run(main())
        nested({depth}, lambda inner: ferrio.wait_for(inner, 1000))
        print("freed")
    """
    if sys.version_info < (3, 12):
        # wait_for() is asyncio's code there, an async def.
        program = program.replace("ferrio.wait_for(inner, 1000)", "Holds(inner)").replace(
            "async def main():",
            """def Holds(inner):
            queue = ferrio.Queue()
            return queue.put(inner)

        async def main():""",
        )
        program = program.replace('print("refused")', "pass")
        assert output(program) == "freed\n"
        return
    assert output(program) == "refused\nfreed\n"


@pytest.mark.parametrize("make", ["ferrio.Handle(print, (inner,), loop)", "keep(inner)"])
def test_long_chains_are_freed(make):
    program = f"""
        import gc
        import ferrio

        loop = ferrio.new_event_loop()

        def keep(inner):
            future = loop.create_future()
            future.set_result(inner)
            return future

        inner = None
        for _ in range(150_000):
            inner = {make}
        del inner
        gc.collect()
        loop.close()
        print("freed")
    """
    assert output(program) == "freed\n"


def test_nested_shields_are_looked_through_only_so_far():
    program = """
        import ferrio

        async def main():
            import asyncio
            future = inner = asyncio.get_running_loop().create_future()
            kept = [inner]
            for _ in range(100_000):
                inner = ferrio.shield(inner)
                kept.append(inner)
            try:
                assert future._asyncio_awaited_by == {asyncio.current_task()}
                print("written down")
            except RecursionError:
                print("refused")
            while kept:
                kept.pop()

        ferrio.run(main())
        print("freed")
    """
    # From 3.14 on it is written into the future who waits for it.
    answer = "written down" if sys.version_info >= (3, 14) else "refused"
    assert output(program) == f"{answer}\nfreed\n"


def test_a_stop_iteration_that_was_written_into_is_not_used_again():
    async def main():
        lock = ferrio.Lock()
        for _ in range(3):
            try:
                lock.acquire().send(None)
            except StopIteration as stop:
                stop.value = "changed"
                stop.args = ("changed",)
                stop.note = 5
            lock.release()
            assert await lock.acquire() is True
            lock.release()

    ferrio.run(main())


# Streams.


@pytest.mark.parametrize(
    "call",
    [
        "read(2**70)",
        "read(-2**70)",
        "read('x')",
        "read(1.5)",
        "readexactly('x')",
        "readexactly(2**70)",
        "readexactly(1.5)",
        "readuntil(5)",
        "readuntil('x')",
        "readuntil(b'')",
        "read(True)",
        "read(None)",
    ],
)
@pytest.mark.parametrize("derived", [False, True])
def test_odd_arguments_of_a_reader_are_asyncios_to_refuse(call, derived):
    def attempt(module):
        class Derived(module.StreamReader):
            async def _wait_for_data(self, name):
                await super()._wait_for_data(name)

        async def main():
            reader = (Derived if derived else module.StreamReader)(loop=asyncio.get_running_loop())
            reader.feed_data(b"abc\ndef")
            reader.feed_eof()
            try:
                return await eval(f"reader.{call}", {"reader": reader})
            except Exception as error:
                return type(error), str(error)

        return module.run(main())

    assert attempt(ferrio) == attempt(asyncio)


def test_a_reader_with_a_limit_of_nothing_ends():
    async def main(module):
        reader = module.StreamReader(loop=asyncio.get_running_loop())
        reader.feed_data(b"abc")
        reader.feed_eof()
        reader._limit = 0
        return await asyncio.wait_for(reader.read(), 5)

    assert ferrio.run(main(ferrio)) == asyncio.run(main(asyncio)) == b""


# Tasks and futures.


def test_init_makes_a_finished_task_pending_again(loop):
    async def number(value):
        return value

    task = ferrio.Task(number(1), loop=loop)
    assert loop.run_until_complete(task) == 1
    if sys.version_info >= (3, 15):
        with pytest.raises(RuntimeError), contextlib.closing(number(2)) as coroutine:
            task.__init__(coroutine, loop=loop)
        return
    task.__init__(number(2), loop=loop)
    assert not task.done()
    assert loop.run_until_complete(task) == 2


def test_what_python_code_sees_before_init_is_no_crash():
    program = """
        import ferrio
        from ferrio import _core

        for name in dir(_core):
            kind = getattr(_core, name)
            if not isinstance(kind, type):
                continue
            try:
                empty = kind.__new__(kind)
            except TypeError:
                continue
            for attribute in dir(empty):
                for call in (lambda: getattr(empty, attribute), lambda: getattr(empty, attribute)()):
                    if attribute in ("work", "_run", "wait") and kind.__name__ in ("CallQueue", "Loop"):
                        continue
                    try:
                        call()
                    except BaseException as error:
                        assert type(error) is not SystemError, (name, attribute, error)
            try:
                repr(empty)
            except BaseException as error:
                assert type(error) is not SystemError, (name, error)
        print("done")
    """
    assert output(program, "-W", "ignore").endswith("done\n")


# The interpreter.


def test_no_descriptor_is_closed_by_a_transport_that_was_never_begun():
    program = """
        import gc, os
        from ferrio import _core

        for kind in (_core.SocketTransport, _core.DatagramTransport, _core.ReadPipeTransport, _core.WritePipeTransport):
            transport = kind.__new__(kind)
            for method in ("close", "abort"):
                try:
                    getattr(transport, method)()
                except Exception:
                    pass
            del transport
        gc.collect()
        os.fstat(0)
        print("open")
    """
    assert output(program) == "open\n"


def test_a_second_init_of_a_loop_is_refused_and_changes_nothing(loop):
    ours, theirs = socket.socketpair()
    heard = []
    loop.add_reader(ours, lambda: (heard.append(ours.recv(9)), loop.stop()))
    with pytest.raises(RuntimeError, match="already initialized"):
        loop.__init__()
    theirs.send(b"x")
    loop.run_forever()
    loop.remove_reader(ours)
    ours.close()
    theirs.close()
    assert heard == [b"x"]


def test_what_another_thread_frees_does_not_wait_for_a_finaliser_here(loop):
    # A finaliser that takes long lets the GIL go in the middle of a freeing.
    inside, go_on = threading.Event(), threading.Event()

    class Slow:
        def __del__(self):
            inside.set()
            assert go_on.wait(30)

    class Seen:
        def __del__(self):
            freed.append(True)

    freed = []

    def free_slowly():
        future = loop.create_future()
        future.set_result(Slow())
        del future

    slow = threading.Thread(target=free_slowly)
    slow.start()
    assert inside.wait(30)

    def free_deep(depth):
        if depth:
            return free_deep(depth - 1)
        chain = Seen()
        for _ in range(5_000):
            future = loop.create_future()
            future.set_result(chain)
            chain = future
        del future, chain
        return None

    for number in range(20):
        other = threading.Thread(target=free_deep, args=(number * 20,))
        other.start()
        other.join()
        assert len(freed) == number + 1
    go_on.set()
    slow.join()


def test_a_pipe_that_is_full_does_not_stop_the_loop(loop):
    # The class is Ferrio's own; a program may still make one itself.
    reading, writing = os.pipe()
    with open(writing, "wb", buffering=0) as pipe, open(reading, "rb", buffering=0):
        transport = ferrio._core.WritePipeTransport(loop, pipe, asyncio.Protocol())
        transport.write(b"x" * 1_000_000)
        assert transport.get_write_buffer_size() > 0
        loop.run_until_complete(asyncio.sleep(0))
        transport.abort()
        loop.run_until_complete(turns())


def test_no_python_code_runs_while_an_error_of_the_end_is_pending(loop, reports):
    # The debug interpreter aborted; the release one said "returned a result with an exception set".
    class Watched(socket.socket):
        def close(self):
            closed.append([].count(1))
            super().close()

    class Odd:
        def done(self):
            raise ValueError("odd")

    closed = []
    left, right = socket.socketpair()
    ours = Watched(left.family, left.type, left.proto, left.detach())
    ours.setblocking(False)
    with right:
        transport, _ = loop.run_until_complete(loop.create_connection(asyncio.Protocol, sock=ours))
        transport._set_empty_waiter(Odd())
        transport.abort()
        loop.run_until_complete(turns())
    assert closed == [0]
    assert ours.fileno() == -1
    (report,) = reports.take()
    assert "ValueError: odd" in report or "AttributeError" in report
