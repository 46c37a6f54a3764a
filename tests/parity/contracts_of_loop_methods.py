import asyncio
import inspect
import os

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    reading, writing = os.pipe()
    print(loop.remove_reader(reading), loop.remove_writer(writing))
    loop.add_reader(reading, print, "reader")
    loop.add_writer(writing, print)
    print(loop.remove_reader(reading), loop.remove_writer(writing), loop.remove_reader(reading))
    os.close(reading)
    os.close(writing)
    for handle in (loop.call_soon(int), loop.call_soon_threadsafe(int)):
        print(isinstance(handle, asyncio.Handle), isinstance(handle, asyncio.TimerHandle), handle.cancelled())
    timer = loop.call_later(10, int)
    print(isinstance(timer, asyncio.TimerHandle), timer.when() > loop.time() + 9, timer.cancelled())
    timer.cancel()
    timer.cancel()
    print(timer.cancelled())
    print(sorted([loop.call_at(1.5, int), loop.call_at(2.5, int)])[0].when())
    # What is declared async can be made a task.
    tasks = [
        loop.create_task(call)
        for call in (
            loop.shutdown_asyncgens(),
            loop.getaddrinfo("127.0.0.1", 80),
            loop.getnameinfo(("127.0.0.1", 80), 3),
            loop.create_server(asyncio.Protocol, "127.0.0.1", 0),
        )
    ]
    *others, server = await asyncio.gather(*tasks)
    print(others[2], len(others[1]) > 0)
    server.close()
    for name in dir(asyncio.AbstractEventLoop):
        theirs = getattr(asyncio.AbstractEventLoop, name)
        if inspect.iscoroutinefunction(theirs):
            print(name, inspect.iscoroutinefunction(getattr(loop, name)))
    print(inspect.isawaitable(loop.run_in_executor(None, int)))
    await loop.run_in_executor(None, int)
    for arguments in ((-1, print), ("text", print), (None, print)):
        for method in (loop.add_reader, loop.add_writer):
            try:
                method(*arguments)
            except ValueError as error:
                print(error)
    print(loop.call_soon(print, "late") is not None, loop.is_running(), loop.is_closed())


ferrio.run(main())
