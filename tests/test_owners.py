"""Who has acquired a lock, where it was made, for how long a task waits: what is noted on demand."""

import asyncio

import ferrio
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


def test_for_how_long_is_said_in_debug_mode():
    async def main():
        async with waiting(one=ferrio.Event().wait()) as (one,):
            await asyncio.sleep(0.11)
            assert "waits since 0." in ferrio.explain(one)

    ferrio.run(main(), debug=True)
