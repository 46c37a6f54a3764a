import asyncio

import ferrio


async def nothing():
    await asyncio.sleep(0)


async def main():
    loop = asyncio.get_running_loop()

    def number(task):
        return int(task.get_name().removeprefix("Task-"))

    def factory(loop, coroutine, **keywords):
        return asyncio.Task(coroutine, loop=loop, **keywords)

    # Named tasks, and what they leave of the numbers.
    tasks = [loop.create_task(nothing())]
    first = number(tasks[0])
    tasks.append(asyncio.create_task(nothing(), name="mine"))
    tasks.append(loop.create_task(nothing(), name="yours"))
    tasks.append(asyncio.create_task(nothing()))
    print(
        [
            task.get_name() if not task.get_name().startswith("Task-") else number(task) - first
            for task in tasks
        ]
    )
    async with asyncio.TaskGroup() as group:
        grouped = [group.create_task(nothing(), name="member"), group.create_task(nothing())]
        print(grouped[0].get_name(), number(grouped[1]) - first)
    await asyncio.gather(*tasks)

    # A factory's tasks and the loop's own do not share names.
    made = [loop.create_task(nothing()) for _ in range(3)]
    loop.set_task_factory(factory)
    made += [loop.create_task(nothing()) for _ in range(3)]
    made.append(loop.create_task(nothing(), name="Task-named"))
    made += [asyncio.ensure_future(nothing(), loop=loop), asyncio.current_task()]
    loop.set_task_factory(None)
    made += [loop.create_task(nothing()) for _ in range(3)]
    names = [task.get_name() for task in made if task.get_name() != "None"]
    print(len(names) == len(set(names)), [name for name in names if not name.removeprefix("Task-").isdigit()])
    await asyncio.gather(*made[:8])


ferrio.run(main())
