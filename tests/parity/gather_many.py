import asyncio

import ferrio


async def work(number):
    for _ in range(number % 5):
        await asyncio.sleep(0)
    if number % 50 == 49:
        raise ValueError(number)
    order.append(number)
    return number * 2


order = []


async def main():
    results = await asyncio.gather(*[work(n) for n in range(120)], return_exceptions=True)
    print(
        [repr(one) for one in results if isinstance(one, Exception)],
        sum(one for one in results if isinstance(one, int)),
    )
    print(order)
    for task in [asyncio.create_task(work(n)) for n in range(3)]:
        outer = asyncio.gather(task, asyncio.sleep(0, "x"))
        text = repr(outer)
        print(text.split(" ")[0], outer._children[0] is task, len(outer._children), await outer)


ferrio.run(main())
