import asyncio
from unittest import mock

import ferrio


async def main():
    for spec, names in (
        (asyncio.Queue, ("get", "put", "get_nowait", "join", "qsize")),
        (asyncio.Lock, ("acquire", "release", "locked")),
        (asyncio.StreamReader, ("read", "readline", "at_eof", "feed_data")),
        (asyncio.StreamWriter, ("drain", "write", "wait_closed", "close")),
        (asyncio.Event, ("wait", "set")),
    ):
        double = mock.MagicMock(spec=spec)
        print(spec.__name__, [(name, type(getattr(double, name)).__name__) for name in names])
    with mock.patch("asyncio.sleep", return_value="patched") as sleep:
        print(type(sleep).__name__, await asyncio.sleep(5), sleep.await_count)
    real = mock.create_autospec(asyncio.Queue, instance=True)
    real.get.return_value = 5
    print(await real.get())


ferrio.run(main())
