import asyncio
import sys

import ferrio


async def attempt(reader, *separator):
    try:
        print(await reader.readuntil(*separator), bytes(reader._buffer))
    except (ValueError, TypeError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        print(type(error).__name__, error, getattr(error, "consumed", ""), bytes(reader._buffer))


async def main():
    reader = asyncio.StreamReader(limit=20)
    reader.feed_data(b"one\ntwo||three|four")
    await attempt(reader)
    await attempt(reader, b"||")
    await attempt(reader, b"|")
    waiting = asyncio.create_task(attempt(reader, b"END"))
    for piece in (b"..E", b"N", b"D and more"):
        await asyncio.sleep(0)
        reader.feed_data(piece)
    await waiting
    for wrong in (b"", 5, None, "text"):
        try:
            await reader.readuntil(wrong)
        except (ValueError, TypeError) as error:
            print(type(error).__name__)
    reader = asyncio.StreamReader(limit=5)
    reader.feed_data(b"0123456789")
    await attempt(reader, b"|")
    reader.feed_data(b"|")
    await attempt(reader, b"|")
    print(await reader.readexactly(11))
    reader.feed_data(b"end")
    reader.feed_eof()
    await attempt(reader, b"|")
    await attempt(reader, b"|")
    if sys.version_info >= (3, 13):
        reader = asyncio.StreamReader()
        reader.feed_data(b"a\r\nb\nc;d")
        for _ in range(3):
            await attempt(reader, (b"\r\n", b"\n", b";"))
        await attempt(reader, ())
        await attempt(reader, (b"x", b""))


ferrio.run(main())
