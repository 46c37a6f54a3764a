import asyncio

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    for ask in (future.result, future.exception):
        try:
            ask()
        except asyncio.InvalidStateError as error:
            print(error)
    future.set_result(1)
    for attempt in (lambda: future.set_result(2), lambda: future.set_exception(ValueError())):
        try:
            attempt()
        except asyncio.InvalidStateError as error:
            print(error)
    print(future.result(), future.exception(), future.cancel())
    task = asyncio.current_task()
    for attempt in (lambda: task.set_result(2), lambda: task.set_exception(ValueError())):
        try:
            attempt()
        except RuntimeError as error:
            print(error)


ferrio.run(main())
