"""A queue of delays worked off by two workers: 17 units of time instead of 32."""

import asyncio
import time

import ferrio

DELAYS = [15, 10, 5, 2]

# Seconds of a unit.
UNIT = 0.02


async def worker(name: str, queue: asyncio.Queue[int], log: list[str]) -> None:
    """Take delays from the queue until it is empty."""
    while not queue.empty():
        delay = await queue.get()
        print(f"{name} starts {delay}")
        await asyncio.sleep(delay * UNIT)
        log.append(f"{name} has done {delay}")
        print(log[-1])
        queue.task_done()


async def main() -> None:
    """Run both workers."""
    queue: asyncio.Queue[int] = asyncio.Queue()
    for delay in DELAYS:
        queue.put_nowait(delay)
    log: list[str] = []
    start = time.perf_counter()
    await asyncio.gather(worker("one", queue, log), worker("two", queue, log))
    units = (time.perf_counter() - start) / UNIT
    print(f"{len(log)} delays of {sum(DELAYS)} units in all took {int(units)} units")


if __name__ == "__main__":
    ferrio.run(main())
