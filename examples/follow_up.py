"""Follow-up tasks started from a done callback."""

import asyncio

import ferrio


async def fetch(number: int) -> int:
    """Pretend to fetch something."""
    await asyncio.sleep(0.2 * number)
    return number * 10


async def store(value: int, stored: list[int]) -> None:
    """Pretend to store it."""
    await asyncio.sleep(0.1)
    stored.append(value)
    print("stored", value)


async def main() -> None:
    """Store each result as soon as it is there."""
    stored: list[int] = []
    follow_ups: set[asyncio.Task[None]] = set()

    def fetched(task: asyncio.Task[int]) -> None:
        print("fetched", task.result())
        follow_up = asyncio.create_task(store(task.result(), stored))
        follow_ups.add(follow_up)
        follow_up.add_done_callback(follow_ups.discard)

    tasks = [asyncio.create_task(fetch(number)) for number in range(1, 5)]
    for task in tasks:
        task.add_done_callback(fetched)
    await asyncio.gather(*tasks)
    while follow_ups:
        await asyncio.wait(follow_ups)
    print("all stored:", stored)


if __name__ == "__main__":
    ferrio.run(main())
