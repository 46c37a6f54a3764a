import asyncio
import contextvars

import ferrio


async def value():
    await asyncio.sleep(0)
    return variable.get()


async def change(new):
    variable.set(new)
    return asyncio.get_running_loop().get_debug()


variable = contextvars.ContextVar("variable", default="default")
with asyncio.Runner(debug=True) as runner:
    loop = runner.get_loop()
    print(runner.run(value()), runner.run(change("changed")), runner.run(value()), variable.get())
    print(runner.get_loop() is loop, loop.is_closed())
    context = contextvars.copy_context()
    print(runner.run(change("apart"), context=context), context[variable], runner.run(value()))
    for wrong in (5, value):
        try:
            runner.run(wrong)
        except (TypeError, ValueError) as error:
            print(type(error).__name__, str(error).split(",")[0])
print(loop.is_closed())
try:
    runner.run(value())
except RuntimeError as error:
    print(error)
for wrong in (5, None):
    try:
        asyncio.run(wrong)
    except (TypeError, ValueError) as error:
        print(type(error).__name__, str(error).split(",")[0])


async def nested():
    coroutine = value()
    try:
        asyncio.run(coroutine)
    except RuntimeError as error:
        print(error)
    coroutine.close()
    task = asyncio.create_task(asyncio.sleep(10))
    generator = numbers()
    print(await anext(generator))
    return task, generator


async def numbers():
    try:
        yield 1
        yield 2
    finally:
        await asyncio.sleep(0)
        print("generator closed")


task, generator = ferrio.run(nested())
print(task.cancelled(), variable.get())
