import asyncio

import ferrio


async def main():
    if not hasattr(asyncio, "eager_task_factory"):
        print("not on this interpreter")
        return
    log = []

    async def work(name):
        log.append(f"{name} {asyncio.current_task() is not None}")
        await asyncio.sleep(0)
        log.append(name)
        return name

    async def quick():
        return "quick"

    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    task = asyncio.create_task(work("a"), name="A")
    log.append("created")
    print(asyncio.current_task().get_name() != "A", await task, log)
    task = asyncio.create_task(quick())
    print(task.done(), task.result())
    asyncio.get_running_loop().set_task_factory(None)
    task = asyncio.Task(quick(), loop=asyncio.get_running_loop(), eager_start=True)
    print(task.done(), await task)


ferrio.run(main())
