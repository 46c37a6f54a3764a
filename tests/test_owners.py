"""Who has acquired a lock, where it was made, for how long a task waits: what is noted on demand."""

import asyncio

import ferrio
import pytest
from support.processes import output
from support.waiting import waiting


def test_owners_are_noted_on_demand():
    async def takes(lock):
        await lock.acquire()
        await asyncio.sleep(60)

    async def main():
        lock, semaphore = ferrio.Lock(), ferrio.BoundedSemaphore(1)
        async with waiting(
            taker=takes(lock), other=takes(semaphore), w=lock.acquire(), v=semaphore.acquire()
        ) as all_:
            return ferrio.explain(all_[2]), ferrio.explain(all_[3])

    for text in ferrio.run(main()):
        assert "held by an unknown task (see ferrio.note_owners())" in text
    ferrio.note_owners()
    try:
        noted = ferrio.run(main())
    finally:
        ferrio.note_owners(False)
    for text, name in zip((*noted, *ferrio.run(main(), debug=True)), ["taker", "other"] * 2, strict=True):
        assert f"held by Task '{name}'" in text
        assert "(made at test_owners.py:" in text
    assert "an unknown task" in ferrio.run(main())[0]


def test_an_owner_that_has_ended():
    async def takes(lock):
        await lock.acquire()

    async def main():
        lock = ferrio.Lock()
        async with waiting(leaver=takes(lock), waiter=lock.acquire()) as (_, waiter):
            assert "held by Task 'leaver'" in ferrio.explain(waiter)
            assert "which has ended" in ferrio.explain(waiter)

    ferrio.run(main(), debug=True)


def test_a_released_lock_has_no_owner():
    async def main():
        lock = ferrio.Lock()
        async with lock:
            assert lock._owner is asyncio.current_task()
        assert lock._owner is None
        semaphore = ferrio.Semaphore(2)
        async with semaphore, semaphore:
            assert len(semaphore._owners) == 2
        assert semaphore._owners == []

    ferrio.run(main(), debug=True)


# Who may release a unit of a semaphore.


@pytest.fixture
def noted():
    ferrio.note_owners()
    yield
    ferrio.note_owners(False)


async def takes_both(one, other):
    await one.acquire()
    await asyncio.sleep(0)
    await other.acquire()


def circle(first, second, **others):
    """What is said of two tasks, of which each has a unit of a semaphore, and waits for one of the other's."""

    async def main():
        one, two = first(), second()
        coroutines = {name: other(one, two) for name, other in others.items()}
        async with waiting(**coroutines, a=takes_both(one, two), b=takes_both(two, one)) as tasks:
            return ferrio.explain(tasks[-1])

    return ferrio.run(main())


def test_a_circle_through_semaphores(noted):
    class Own(ferrio.Semaphore):
        pass

    for first in (ferrio.Semaphore, ferrio.BoundedSemaphore, Own, ferrio.Lock):
        text = circle(first, ferrio.Semaphore)
        assert "deadlock" in text and "held by Task 'a'" in text, text


def test_a_circle_that_holds_all_of_several_units(noted):
    def two_units():
        return ferrio.Semaphore(2)

    # One of the two units is with a task that will go on.
    assert "deadlock" not in circle(two_units, ferrio.Semaphore, x=takes_one)
    # Both are with tasks in the circle.
    assert "deadlock" in circle(two_units, ferrio.Semaphore, x=takes_both)


async def takes_one(one, two):
    await one.acquire()
    await asyncio.sleep(60)


def test_a_semaphore_that_others_release_makes_no_circle(noted):
    def without_a_unit():
        return ferrio.Semaphore(0)

    assert "deadlock" not in circle(ferrio.Lock, without_a_unit)

    async def main():
        lock, semaphore = ferrio.Lock(), ferrio.Semaphore(1)
        # It is used as a signal: whoever has acquired nothing may release it again.
        semaphore.release()
        async with waiting(
            x=semaphore.acquire(), a=takes_both(lock, semaphore), b=takes_both(semaphore, lock)
        ) as tasks:
            return ferrio.explain(tasks[-1])

    assert "deadlock" not in ferrio.run(main())


def test_a_unit_on_its_way_is_no_part_of_a_circle(noted):
    async def main():
        lock, semaphore = ferrio.Lock(), ferrio.Semaphore(2)
        await semaphore.acquire()
        async with waiting(
            a=takes_both(semaphore, lock), b=takes_both(lock, semaphore), c=semaphore.acquire()
        ) as tasks:
            # The first waiter gets a unit, and has not run yet.
            semaphore.release()
            assert semaphore._value == 0 and len(semaphore._owners) == 1
            return ferrio.explain(tasks[2]), ferrio.explain(tasks[0])

    assert not any("deadlock" in text for text in ferrio.run(main()))


def test_units_that_were_not_noted():
    async def main():
        lock, semaphore = ferrio.Lock(), ferrio.Semaphore(2)
        await semaphore.acquire()
        ferrio.note_owners()
        try:
            async with waiting(a=takes_both(semaphore, lock), b=takes_both(lock, semaphore)) as tasks:
                return ferrio.explain(tasks[0])
        finally:
            ferrio.note_owners(False)

    text = ferrio.run(main())
    assert "held by Task 'b'" in text and "deadlock" not in text


@pytest.mark.parametrize("value", [2.0, 10**30, 2**31, 2**40])
def test_semaphores_of_odd_sizes(noted, value):
    async def main():
        semaphore = ferrio.Semaphore(value)
        for _ in range(2):
            await semaphore.acquire()
        async with waiting(a=semaphore.acquire()) as (task,):
            text = ferrio.explain(task)
        assert not semaphore._owners_are_all
        semaphore.release()
        return text

    assert "deadlock" not in ferrio.run(main())


def test_for_how_long_is_said_in_debug_mode():
    async def main():
        async with waiting(one=ferrio.Event().wait()) as (one,):
            await asyncio.sleep(0.11)
            assert "waits since 0." in ferrio.explain(one)

    ferrio.run(main(), debug=True)


def test_the_first_primitive_of_debug_mode_makes_no_blocking_call():
    """As a detector of blocking calls does it, which lets imports pass, and not what modules do meanwhile."""
    script = """
import os
import ferrio

def blocking(*arguments):
    raise RuntimeError("a blocking call")

async def main():
    os.path.abspath = os.path.realpath = os.getcwd = os.scandir = os.listdir = blocking
    for primitive in (ferrio.Lock(), ferrio.Event(), ferrio.Queue(), ferrio.Semaphore(), ferrio.Condition()):
        print(type(primitive).__name__)

ferrio.run(main(), debug=True)
"""
    assert output(script).split() == ["Lock", "Event", "Queue", "Semaphore", "Condition"]
