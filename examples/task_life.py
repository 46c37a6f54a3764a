"""A task's life: states, results, exceptions, callbacks, names, cancellation, waiting."""

import asyncio

import ferrio


async def work(result: str, delay: float = 0.0) -> str:
    """Take some time and return."""
    await asyncio.sleep(delay)
    return result


async def fail(delay: float = 0.0) -> str:
    """Take some time and raise."""
    await asyncio.sleep(delay)
    raise ValueError("it went wrong")


async def states() -> None:
    """A task from its making to its result."""
    task = asyncio.create_task(work("a result"), name="worker")
    print("made:", task.get_name(), "done" if task.done() else "pending")
    try:
        task.result()
    except asyncio.InvalidStateError as error:
        print("asked too early:", type(error).__name__, error)
    task.add_done_callback(lambda done: print("callback: done with", done.result()))
    task.set_name("renamed")
    print("awaited:", await task, task.get_name(), task.done(), task.cancelled())
    await asyncio.sleep(0)
    failing = asyncio.create_task(fail())
    await asyncio.wait([failing])
    print("exception:", repr(failing.exception()))
    try:
        failing.result()
    except ValueError as error:
        print("raised:", error)
    future = asyncio.get_running_loop().create_future()
    future.set_result(1)
    try:
        future.set_result(2)
    except asyncio.InvalidStateError as error:
        print("set twice:", type(error).__name__)


async def cancellation() -> None:
    """A task that is cancelled with a message, and one that refuses."""

    async def patient() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError as error:
            print("cancelled with:", error.args)
            raise

    task = asyncio.create_task(patient())
    await asyncio.sleep(0)
    print("cancel:", task.cancel("no time"), task.cancelling())
    try:
        await task
    except asyncio.CancelledError:
        print("cancelled:", task.cancelled(), task.cancel())

    async def stubborn() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            current = asyncio.current_task()
            assert current is not None
            print("uncancelled:", current.uncancel())
        return "stayed"

    task2 = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    task2.cancel()
    print("stubborn:", await task2)


async def looking_around() -> None:
    """current_task and all_tasks."""
    tasks = [asyncio.create_task(work("", 0.01), name=f"t{number}") for number in range(3)]
    current = asyncio.current_task()
    assert current is not None
    print("current:", current.get_name())
    print("all:", sorted(task.get_name() for task in asyncio.all_tasks()))
    await asyncio.gather(*tasks)
    print("after:", sorted(task.get_name() for task in asyncio.all_tasks()))


async def waiting() -> None:
    """shield, wait with its three conditions, wait_for."""
    inner = asyncio.create_task(work("shielded", 0.3))
    outer = asyncio.ensure_future(asyncio.shield(inner))
    await asyncio.sleep(0)
    outer.cancel()
    try:
        await outer
    except asyncio.CancelledError:
        print("outer cancelled, inner:", await inner)
    for condition in (asyncio.FIRST_COMPLETED, asyncio.FIRST_EXCEPTION, asyncio.ALL_COMPLETED):
        tasks = [
            asyncio.create_task(work("quick", 0.05), name="quick"),
            asyncio.create_task(fail(0.4), name="failing"),
            asyncio.create_task(work("slow", 0.8), name="slow"),
        ]
        done, pending = await asyncio.wait(tasks, return_when=condition)
        print(f"{condition}:", sorted(t.get_name() for t in done), sorted(t.get_name() for t in pending))
        await asyncio.wait(tasks)
        print("  failed with", tasks[1].exception())
    try:
        await asyncio.wait_for(work("late", 10), timeout=0.01)
    except TimeoutError:
        print("wait_for: too late")
    print("wait_for:", await asyncio.wait_for(work("in time"), timeout=5))


async def main() -> None:
    """Show everything."""
    current = asyncio.current_task()
    assert current is not None
    current.set_name("main")
    await states()
    await cancellation()
    await looking_around()
    await waiting()


if __name__ == "__main__":
    ferrio.run(main())
