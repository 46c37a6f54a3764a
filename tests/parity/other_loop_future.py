import asyncio

import ferrio


async def main():
    other = ferrio.new_event_loop()
    future = other.create_future()

    async def wait():
        await future

    try:
        await asyncio.create_task(wait(), name="t")
    except RuntimeError as error:
        print("attached to a different loop" in str(error))
    other.close()


ferrio.run(main())
