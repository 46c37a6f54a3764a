"""Task and Future: what asyncio's own tests do not ask."""

import asyncio
import gc
import sys
import weakref

import ferrio
import pytest


def test_they_pass_for_asyncios():
    async def main():
        task = asyncio.current_task()
        future = asyncio.get_running_loop().create_future()
        assert type(task) is ferrio.Task
        assert type(future) is ferrio.Future
        assert isinstance(task, (asyncio.Task, asyncio.Future))
        assert isinstance(task, asyncio.Task)
        assert isinstance(future, asyncio.Future)
        assert not isinstance(future, asyncio.Task)
        assert asyncio.isfuture(task)
        assert asyncio.isfuture(future)
        assert asyncio.ensure_future(future) is future
        assert asyncio.all_tasks() == {task}
        future.cancel()

    ferrio.run(main())


def test_current_task_in_callbacks_and_nested_places():
    async def main():
        loop = asyncio.get_running_loop()
        seen = []
        loop.call_soon(lambda: seen.append(asyncio.current_task()))
        await asyncio.sleep(0)
        assert seen == [None]
        task = asyncio.current_task()
        assert await asyncio.create_task(current()) is not task
        assert asyncio.current_task() is task

    async def current():
        return asyncio.current_task()

    ferrio.run(main())


@pytest.mark.parametrize("kind", [ferrio.Future, ferrio.Task])
def test_subclasses(kind):
    class Derived(kind):
        extra = "extra"

    async def nothing():
        return 5

    async def main():
        if kind is ferrio.Task:
            thing = Derived(nothing())
        else:
            thing = Derived()
            thing.get_loop().call_soon(thing.set_result, 5)
        assert thing.extra == "extra"
        assert repr(thing).startswith("<Derived pending")
        thing.attribute = 1
        assert await thing == 5
        assert asyncio.isfuture(thing)

    ferrio.run(main())


def test_on_the_standard_loop():
    async def main():
        loop = asyncio.get_running_loop()
        future = ferrio.Future(loop=loop)
        loop.call_soon(future.set_result, "from a callback")
        task = ferrio.Task(wait(future), loop=loop, name="ours")
        assert task in asyncio.all_tasks()
        assert await task == "from a callback"
        cancelled = ferrio.Task(asyncio.sleep(10), loop=loop)
        await asyncio.sleep(0)
        cancelled.cancel("message")
        with pytest.raises(asyncio.CancelledError, match="message"):
            await cancelled
        failing = ferrio.Task(wait(failed(loop)), loop=loop)
        with pytest.raises(LookupError):
            await failing

    def failed(loop):
        future = ferrio.Future(loop=loop)
        future.set_exception(LookupError())
        return future

    async def wait(future):
        assert asyncio.current_task().get_name()
        return await future

    asyncio.run(main())


def test_a_cycle_through_a_task_is_collected():
    async def main():
        async def hold():
            me = asyncio.current_task()
            me.myself = me
            await asyncio.sleep(0)

        task = asyncio.create_task(hold())
        await task
        reference = weakref.ref(task)
        del task
        await asyncio.sleep(0)
        gc.collect()
        assert reference() is None
        future = asyncio.get_running_loop().create_future()
        future.add_done_callback(lambda _, future=future: None)
        reference = weakref.ref(future)
        del future
        gc.collect()
        assert reference() is None

    ferrio.run(main())


@pytest.mark.parametrize("kind", ["task", "future", "handle", "timer", "cancelled"])
def test_nothing_grows(kind):
    """Ten thousand rounds leave the number of references as it was."""

    async def nothing():
        pass

    async def rounds(count):
        loop = asyncio.get_running_loop()
        for _ in range(count):
            if kind == "task":
                await asyncio.create_task(nothing())
            elif kind == "future":
                future = loop.create_future()
                loop.call_soon(future.set_result, None)
                await future
            elif kind == "handle":
                loop.call_soon(int, 1).cancel()
            elif kind == "timer":
                loop.call_later(100, int).cancel()
            else:
                task = asyncio.create_task(asyncio.sleep(10))
                await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait([task])
        await asyncio.sleep(0)

    async def main():
        await rounds(1000)
        gc.collect()
        objects, blocks = len(gc.get_objects()), sys.getallocatedblocks()
        await rounds(10_000)
        gc.collect()
        assert len(gc.get_objects()) - objects < 500
        assert sys.getallocatedblocks() - blocks < 2000

    ferrio.run(main())


def test_a_callback_may_remove_callbacks_while_they_are_compared():
    class Odd:
        def __call__(self, future):
            pass

        def __eq__(self, other):
            if not looked:
                looked.append(True)
                assert future.remove_done_callback(print) == 2
            return self is other

        __hash__ = None

    looked = []
    loop = ferrio.new_event_loop()
    future = loop.create_future()
    odd, other = Odd(), Odd()
    for callback in (odd, print, other, print):
        future.add_done_callback(callback)
    assert future.remove_done_callback(odd) == 1
    assert [callback for callback, _ in future._callbacks] == [other]
    loop.close()


def test_a_finaliser_that_raises_does_not_hurt_others(monkeypatch):
    unraisable = []
    monkeypatch.setattr(sys, "unraisablehook", lambda hook: unraisable.append(hook.exc_value))

    class Bad:
        def __del__(self):
            raise ValueError("in a finaliser")

    async def main():
        future = asyncio.get_running_loop().create_future()
        future.set_result(Bad())
        del future
        return 1

    assert ferrio.run(main()) == 1
    assert [repr(error) for error in unraisable] == ["ValueError('in a finaliser')"]
