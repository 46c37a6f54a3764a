import asyncio
import sys
from decimal import Decimal
from fractions import Fraction

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    print(await asyncio.sleep(0), await asyncio.sleep(0, "result"), await asyncio.sleep(-5, result=3))
    print(await asyncio.sleep(0.001, "after"))
    print(await asyncio.sleep(Fraction(1, 1000), "fraction"), await asyncio.sleep(Decimal(0), "decimal"))
    start = loop.time()
    await asyncio.sleep(0.01)
    print(loop.time() - start >= 0.01)
    for wrong in ("text", None, float("nan") if sys.version_info >= (3, 13) else "text"):
        try:
            await asyncio.sleep(wrong)
        except (TypeError, ValueError) as error:
            print(type(error).__name__, error)
    for arguments in ((), (1, 2, 3)):
        try:
            asyncio.sleep(*arguments)
        except TypeError:
            print("wrong number of arguments")
    task = asyncio.create_task(asyncio.sleep(10, "never"))
    await asyncio.sleep(0)
    task.cancel()
    print(await asyncio.gather(task, return_exceptions=True))
    order = []

    async def worker(name):
        for _ in range(3):
            order.append(name)
            await asyncio.sleep(0)

    await asyncio.gather(worker("a"), worker("b"))
    print(order)
    await asyncio.gather(*[late(order, delay) for delay in (0.03, 0.01, 0.02)])
    print(order[-3:])


async def late(order, delay):
    await asyncio.sleep(delay)
    order.append(delay)


ferrio.run(main())
