import asyncio

import ferrio


async def work(log, name, rounds):
    for _ in range(rounds):
        await asyncio.sleep(0)
    log.append(name)
    return name


async def main():
    log = []
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(work(log, name, rounds), name=name) for name, rounds in (("a", 3), ("b", 1))
        ]
        print(repr(group).split(" ")[0], [task.get_name() for task in tasks])
    print(log, [task.result() for task in tasks])
    async with asyncio.TaskGroup() as group:
        pass
    try:
        group.create_task(work(log, "late", 0)).cancel()
    except RuntimeError as error:
        print(str(error).split("<")[0], str(error).split(">")[-1])
    coroutine = work(log, "never", 0)
    try:
        asyncio.TaskGroup().create_task(coroutine)
    except RuntimeError as error:
        print(str(error).split("<")[0], str(error).split(">")[-1])
    coroutine.close()
    async with asyncio.TaskGroup() as outer:
        async with asyncio.TaskGroup() as inner:
            inner.create_task(work(log, "inner", 2))
            outer.create_task(work(log, "outer", 1))
        log.append("between")
    print(log)
    try:
        async with group:
            pass
    except RuntimeError as error:
        print(str(error).split("<")[0], str(error).split(">")[-1])


ferrio.run(main())
