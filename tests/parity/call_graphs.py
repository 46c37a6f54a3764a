import asyncio
import sys

import ferrio


async def leaf(ready):
    await ready.wait()


async def middle(ready):
    await leaf(ready)


async def main():
    if sys.version_info < (3, 14):
        print("not on this interpreter")
        return
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(middle(ready), name="child")
        await asyncio.sleep(0)
        graph = asyncio.capture_call_graph(task)
        print([entry.frame.f_code.co_qualname for entry in graph.call_stack])
        print([len(one.call_stack) > 0 for one in graph.awaited_by])
        text = asyncio.format_call_graph(task)
        print("middle" in text, "leaf" in text, "wait" in text, "child" in text)
        other = asyncio.create_task(waits(task), name="waiter")
        await asyncio.sleep(0)
        print(sorted(len(one.call_stack) for one in asyncio.capture_call_graph(task).awaited_by))
        ready.set()
    await other
    future = asyncio.get_running_loop().create_future()
    print(asyncio.capture_call_graph(future).awaited_by)
    mine = asyncio.current_task()
    asyncio.future_add_to_awaited_by(future, mine)
    print(len(asyncio.capture_call_graph(future).awaited_by))
    asyncio.future_discard_from_awaited_by(future, mine)
    print(len(asyncio.capture_call_graph(future).awaited_by))


async def waits(task):
    await task


ferrio.run(main())
