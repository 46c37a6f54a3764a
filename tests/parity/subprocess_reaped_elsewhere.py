import asyncio
import logging
import os
import sys

import ferrio

logging.basicConfig(stream=sys.stdout, format="%(name)s %(levelname)s %(message)s")


async def main():
    if sys.version_info < (3, 12):
        print("asyncio's watcher waits in a thread there, and may be first")
        return
    child = await asyncio.create_subprocess_exec("sleep", "0.02")
    os.waitpid(child.pid, 0)
    print(await child.wait(), child.returncode)


logging.getLogger("asyncio").addFilter(lambda record: "pid" not in record.msg or print("warned") or False)
ferrio.run(main())
