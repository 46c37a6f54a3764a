"""The progress of 100 running tasks, shown by done callbacks and by tqdm."""

import asyncio
import io
import random

import ferrio
from tqdm.asyncio import tqdm

TASKS = 100


async def work(number: int, delay: float) -> int:
    """Take some time."""
    await asyncio.sleep(delay)
    return number


async def main() -> None:
    """Watch tasks become done."""
    chance = random.Random(1)
    delays = [chance.random() * 0.05 for _ in range(TASKS)]
    done = 0

    def count(_: asyncio.Task[int]) -> None:
        nonlocal done
        done += 1
        if done % 10 == 0:
            print(f"{'#' * (done // 10):<10} {done}%")

    tasks = [asyncio.create_task(work(number, delay)) for number, delay in enumerate(delays)]
    for task in tasks:
        task.add_done_callback(count)
    print("sum:", sum(await asyncio.gather(*tasks)))

    bar = io.StringIO()
    coroutines = [work(number, delay) for number, delay in enumerate(delays)]
    results = await tqdm.gather(*coroutines, file=bar)
    print("tqdm:", len(results), "results,", "100/100" in bar.getvalue())


if __name__ == "__main__":
    ferrio.run(main())
