import asyncio

import ferrio


async def main():
    async def wait():
        await asyncio.sleep(10)

    for message in (None, "why", 42, ("a", "tuple")):
        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        print(task.cancel() if message is None else task.cancel(message))
        try:
            await task
        except asyncio.CancelledError as error:
            print(error.args)
        try:
            task.result()
        except asyncio.CancelledError as error:
            print(error.args)
    future = asyncio.get_running_loop().create_future()
    future.cancel(msg="future")
    try:
        await future
    except asyncio.CancelledError as error:
        print(error.args)


ferrio.run(main())
