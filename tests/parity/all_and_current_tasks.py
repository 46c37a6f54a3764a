import asyncio

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    me = asyncio.current_task()
    print(me in asyncio.all_tasks(), len(asyncio.all_tasks()), asyncio.current_task(loop) is me)
    task = asyncio.create_task(asyncio.sleep(0), name="other")
    print(sorted(one.get_name() == "other" for one in asyncio.all_tasks()))
    await task
    print(len(asyncio.all_tasks(loop)))
    seen = []
    loop.call_soon(lambda: seen.append(asyncio.current_task()))
    await asyncio.sleep(0)
    print(seen)
    await asyncio.to_thread(elsewhere, loop)
    print(asyncio.ensure_future(me) is me, asyncio.isfuture(me), asyncio.iscoroutine(me.get_coro()))
    future = loop.create_future()
    print(asyncio.ensure_future(future) is future)

    class Awaitable:
        def __await__(self):
            yield from asyncio.sleep(0, "awaited").__await__()
            return "awaited"

    print(await asyncio.ensure_future(Awaitable()), await Awaitable())
    for wrong in (5, print):
        try:
            asyncio.ensure_future(wrong)
        except TypeError as error:
            print(error)
    other = asyncio.new_event_loop()
    print(asyncio.all_tasks(other))
    other.close()


def elsewhere(loop):
    for call in (asyncio.current_task, asyncio.all_tasks, asyncio.get_running_loop):
        try:
            call()
        except RuntimeError as error:
            print(error)
    print(len(asyncio.all_tasks(loop)))


ferrio.run(main())
