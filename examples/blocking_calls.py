"""300 blocking calls, fanned out to threads and gathered."""

import asyncio
import time

import ferrio

CALLS = 300


def blocking(number: int) -> int:
    """Do something that blocks."""
    time.sleep(0.002)
    return number * number


async def main() -> None:
    """Call them all at once."""
    loop = asyncio.get_running_loop()
    results = await asyncio.gather(*[loop.run_in_executor(None, blocking, number) for number in range(CALLS)])
    print(f"{len(results)} calls, in order: {results == [number * number for number in range(CALLS)]}")
    print(f"sum of results: {sum(results)}")


if __name__ == "__main__":
    ferrio.run(main())
