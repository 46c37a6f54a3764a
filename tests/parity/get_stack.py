import asyncio
import io

import ferrio


async def main():
    async def outer():
        await inner()

    async def inner():
        await asyncio.sleep(10)

    task = asyncio.create_task(outer())
    await asyncio.sleep(0)
    print([frame.f_code.co_name for frame in task.get_stack()], len(task.get_stack(limit=1)))
    out = io.StringIO()
    task.print_stack(file=out)
    print(out.getvalue().count("outer"))
    task.cancel()
    print(task.get_coro().__name__)


ferrio.run(main())
