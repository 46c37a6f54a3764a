import asyncio

import ferrio


async def main():
    async def fail(error):
        raise error

    async def wait():
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            print("cancelled")
            raise

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(wait())
            group.create_task(fail(ValueError("v")))
            group.create_task(fail(KeyError("k")))
    except BaseExceptionGroup as errors:
        print(errors, errors.exceptions)
    print(asyncio.current_task().cancelling())


ferrio.run(main())
