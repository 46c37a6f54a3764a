import asyncio

import ferrio

loop = ferrio.new_event_loop()
loop.close()
loop.close()
future = None
for attempt in (
    lambda: loop.call_soon(print),
    lambda: loop.call_later(1, print),
    lambda: loop.call_at(1, print),
    lambda: loop.call_soon_threadsafe(print),
    lambda: loop.run_forever(),
    lambda: loop.run_in_executor(None, print),
    lambda: loop.add_reader(0, print),
    lambda: loop.add_writer(0, print),
    lambda: loop.run_until_complete(asyncio.Future(loop=loop)),
):
    try:
        attempt()
    except Exception as error:
        print(type(error).__name__, error)
coroutine = asyncio.sleep(0)
for attempt in (lambda: loop.create_task(coroutine), lambda: loop.run_until_complete(coroutine)):
    try:
        attempt()
    except Exception as error:
        print(type(error).__name__, error)
coroutine.close()
print(loop.is_closed(), loop.is_running(), loop.remove_reader(0), loop.remove_writer(0))
