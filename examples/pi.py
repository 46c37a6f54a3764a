"""Pi computed in a process pool, while the loop stays free."""

import asyncio
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction

import ferrio

PARTS = 4
TERMS = 15  # for each part


def part(first: int) -> Fraction:
    """Sum some terms of the Bailey-Borwein-Plouffe series, exactly."""
    total = Fraction(0)
    for k in range(first, first + TERMS):
        a = 8 * k
        term = Fraction(4, a + 1) - Fraction(2, a + 4) - Fraction(1, a + 5) - Fraction(1, a + 6)
        total += term / 16**k
    return total


async def main() -> None:
    """Have the parts computed, and count meanwhile."""
    loop = asyncio.get_running_loop()
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.001)
            ticks += 1

    ticking = asyncio.create_task(tick())
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        firsts = [number * TERMS for number in range(PARTS)]
        parts = await asyncio.gather(*[loop.run_in_executor(pool, part, first) for first in firsts])
    ticking.cancel()
    digits = int(sum(parts, Fraction(0)) * 10**50)
    print(f"pi = {str(digits)[0]}.{str(digits)[1:]}")
    print(f"the loop was free: {ticks > 0}")


if __name__ == "__main__":
    ferrio.run(main())
