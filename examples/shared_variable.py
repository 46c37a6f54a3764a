"""A race on a shared variable, and its cure with a lock."""

import asyncio

import ferrio

TASKS = 10
ROUNDS = 20


class Counter:
    """A number that is read, and written a moment later."""

    def __init__(self) -> None:
        self.value = 0

    async def increment(self) -> None:
        """Add one; somebody else may come between."""
        value = self.value
        await asyncio.sleep(0)
        self.value = value + 1


async def count(lock: asyncio.Lock | None) -> int:
    """Have many tasks increment one counter."""
    counter = Counter()

    async def many() -> None:
        for _ in range(ROUNDS):
            if lock is None:
                await counter.increment()
            else:
                async with lock:
                    await counter.increment()

    await asyncio.gather(*[many() for _ in range(TASKS)])
    return counter.value


async def main() -> None:
    """Compare both."""
    print(f"expected {TASKS * ROUNDS}")
    print(f"without a lock {await count(None)}")
    print(f"with a lock {await count(asyncio.Lock())}")


if __name__ == "__main__":
    ferrio.run(main())
