import asyncio
import logging
import re
import time

import ferrio


class Show(logging.Handler):
    def emit(self, record):
        text = re.sub(r"took [0-9.]+", "took TIME", record.getMessage())
        print(record.levelname, re.sub(r"/\S+/", "", text))


logging.getLogger("asyncio").addHandler(Show())
logging.getLogger("asyncio").setLevel(logging.WARNING)


async def slow():
    time.sleep(0.06)


async def main():
    loop = asyncio.get_running_loop()
    loop.slow_callback_duration = 0.05
    loop.call_soon(time.sleep, 0.06)
    await asyncio.sleep(0.01)
    await asyncio.create_task(slow(), name="slow")


ferrio.run(main(), debug=True)
