import asyncio

import ferrio


async def main():
    reader = asyncio.StreamReader(limit=100)
    print(repr(reader)[:14], reader.at_eof(), reader.exception())
    reader.feed_data(b"first line\nsecond ")
    print(await reader.readline(), await reader.read(3), await reader.readexactly(2))
    reader.feed_data(b"")
    reader.feed_data(bytearray(b"more|"))
    print(reader._buffer, await reader.readuntil(b"|"))
    waiting = asyncio.create_task(reader.readline())
    await asyncio.sleep(0)
    for piece in (b"a", b"b", b"c\nrest"):
        reader.feed_data(piece)
        await asyncio.sleep(0)
    print(await waiting, await reader.read(100))
    waiting = asyncio.create_task(reader.read(5))
    await asyncio.sleep(0)
    reader.feed_data(b"123456789")
    print(await waiting, await reader.read(0), reader.at_eof())
    reader.feed_eof()
    print(reader.at_eof(), await reader.read(), reader.at_eof(), await reader.read(), await reader.readline())
    try:
        reader.feed_data(b"too late")
    except AssertionError as error:
        print(error)
    try:
        await reader.readexactly(1)
    except asyncio.IncompleteReadError as error:
        print(error, error.partial, error.expected)
    for wrong in (0, -1):
        try:
            asyncio.StreamReader(limit=wrong)
        except ValueError as error:
            print(error)
    print(repr(reader), repr(asyncio.StreamReader(limit=5)))


ferrio.run(main())
