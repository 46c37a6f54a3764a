import asyncio

import ferrio


async def work(name, rounds, error=None):
    for _ in range(rounds):
        await asyncio.sleep(0)
    if error:
        raise error
    return name


def names(tasks):
    return sorted(task.get_name() for task in tasks)


def start(*kinds):
    return [asyncio.create_task(work(*kind), name=str(kind[0])) for kind in kinds]


async def main():
    tasks = start(("a", 1), ("b", 5), ("c", 3))
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    print(names(done), names(pending))
    done, pending = await asyncio.wait(tasks)
    print(names(done), names(pending))
    done, pending = await asyncio.wait(tasks)
    print(names(done), names(pending))
    tasks = start(("a", 2), ("b", 4, ValueError("b")), ("c", 100))
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    print(names(done), names(pending), [repr(one.exception()) for one in done if one.exception()])
    tasks[2].cancel()
    tasks += start(("d", 3))
    done, pending = await asyncio.wait(tasks, timeout=1)
    print(names(done), names(pending), tasks[2].cancelled())
    tasks = [asyncio.create_task(asyncio.sleep(10), name="slow")]
    for timeout in (0.005, 0, -1):
        done, pending = await asyncio.wait(tasks, timeout=timeout)
        print(names(done), names(pending))
    waiting = asyncio.create_task(asyncio.wait(tasks))
    await asyncio.sleep(0)
    waiting.cancel()
    print(await asyncio.gather(waiting, return_exceptions=True), tasks[0].done())
    tasks[0].cancel()
    coroutine = work("x", 1)
    for wrong, keywords in (([], {}), ([coroutine], {}), (tasks[0], {}), (tasks, {"return_when": "never"})):
        try:
            await asyncio.wait(wrong, **keywords)
        except (TypeError, ValueError) as error:
            print(type(error).__name__, error)
    coroutine.close()


ferrio.run(main())
