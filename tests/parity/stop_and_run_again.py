import asyncio

import ferrio

loop = ferrio.new_event_loop()
log = []
loop.call_soon(log.append, 1)
loop.call_soon(loop.stop)
loop.call_soon(log.append, 2)
loop.run_forever()
print(log)
loop.stop()
loop.run_forever()
print(log, loop.is_running())
future = loop.create_future()
loop.call_soon(loop.stop)
try:
    loop.run_until_complete(future)
except RuntimeError as error:
    print(error)


async def fail():
    raise ValueError("out of run_until_complete")


try:
    loop.run_until_complete(fail())
except ValueError as error:
    print(error)
print(loop.run_until_complete(asyncio.sleep(0, "result")))
try:
    loop.run_until_complete("text")
except TypeError as error:
    print(error)
loop.close()
