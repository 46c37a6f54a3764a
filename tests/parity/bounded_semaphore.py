import asyncio

import ferrio


async def main():
    semaphore = asyncio.BoundedSemaphore(2)
    try:
        semaphore.release()
    except ValueError as error:
        print(error)
    async with semaphore:
        print(semaphore._value, semaphore._bound_value, semaphore.locked())
        async with semaphore:
            print(semaphore.locked(), isinstance(semaphore, asyncio.Semaphore))
    print(semaphore._value, repr(semaphore).split(" at ")[0])
    try:
        semaphore.release()
    except ValueError as error:
        print(error)
    print(asyncio.BoundedSemaphore()._value)


ferrio.run(main())
