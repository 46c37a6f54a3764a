import asyncio

import ferrio


async def main():
    loop = asyncio.get_running_loop()

    async def work(thing):
        return await thing

    for make_future in (
        loop.create_future,
        lambda: asyncio.futures._CFuture(loop=loop),
        lambda: asyncio.futures._PyFuture(loop=loop),
    ):
        for make_task in (
            loop.create_task,
            lambda coroutine: asyncio.tasks._CTask(coroutine, loop=loop),
            lambda coroutine: asyncio.tasks._PyTask(coroutine, loop=loop),
        ):
            future = make_future()
            task = make_task(work(future))
            await asyncio.sleep(0)
            print(
                isinstance(task, asyncio.Task),
                isinstance(future, asyncio.Future),
                asyncio.isfuture(future),
                task in asyncio.all_tasks(),
            )
            future.set_result("result")
            print(await task)
            future = make_future()
            task = make_task(work(future))
            await asyncio.sleep(0)
            task.cancel("message")
            try:
                await task
            except asyncio.CancelledError as error:
                print(error.args, future.cancelled())


ferrio.run(main())
