import asyncio
import contextvars

import ferrio


async def main():
    def factory(loop, coroutine, **keywords):
        print(sorted(keywords))
        keywords.pop("custom", None)
        return asyncio.Task(coroutine, loop=loop, **keywords)

    async def work():
        return 1

    loop = asyncio.get_running_loop()
    loop.set_task_factory(factory)
    print(await loop.create_task(work()))
    print(await asyncio.create_task(work(), name="named"))
    print(await asyncio.create_task(work(), context=contextvars.copy_context()))
    print(loop.get_task_factory() is factory)
    loop.set_task_factory(None)
    try:
        loop.set_task_factory("text")
    except TypeError as error:
        print(error)
    print(loop.get_task_factory())


ferrio.run(main())
