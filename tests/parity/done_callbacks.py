import asyncio
import contextvars
import functools

import ferrio

variable = contextvars.ContextVar("variable", default="outside")


async def main():
    loop = asyncio.get_running_loop()
    order = []
    future = loop.create_future()

    def note(name, future):
        order.append((name, future.done(), variable.get()))

    first, second = functools.partial(note, "first"), functools.partial(note, "second")
    future.add_done_callback(first)
    variable.set("inside")
    future.add_done_callback(second)
    context = contextvars.Context()
    future.add_done_callback(functools.partial(note, "own context"), context=context)
    future.add_done_callback(first)
    print(future.remove_done_callback(first), future.remove_done_callback(first))
    future.set_result(1)
    print(order)
    future.add_done_callback(functools.partial(note, "late"))
    print(order)
    await asyncio.sleep(0)
    print(order)
    order.clear()
    task = asyncio.create_task(asyncio.sleep(0, "value"))
    task.add_done_callback(lambda one: order.append(one.result()))
    await task
    print(order)
    await asyncio.sleep(0)
    print(order)
    reports = []
    loop.set_exception_handler(lambda loop, context: reports.append(repr(context["exception"])))
    future = loop.create_future()
    future.add_done_callback(lambda one: 1 / 0)
    future.add_done_callback(lambda one: order.append("after the failure"))
    future.cancel()
    await asyncio.sleep(0)
    print(reports, order, future.remove_done_callback(print))
    try:
        future.add_done_callback(print, variable)
    except TypeError:
        print("context by keyword only")


ferrio.run(main())
