import asyncio
import contextvars

import ferrio


async def main():
    variable = contextvars.ContextVar("variable", default="default")
    loop = asyncio.get_running_loop()
    log = []
    note = lambda *_: log.append(variable.get())
    variable.set("main")
    loop.call_soon(note)
    loop.call_later(0, note)
    future = loop.create_future()
    future.add_done_callback(note)
    context = contextvars.Context()
    loop.call_soon(note, context=context)
    future.add_done_callback(note, context=context)
    variable.set("changed")
    future.set_result(None)
    await asyncio.sleep(0.01)
    print(log)

    async def child():
        variable.set("child")
        await asyncio.sleep(0)
        return variable.get()

    print(await asyncio.create_task(child()), variable.get(), await child(), variable.get())


ferrio.run(main())
