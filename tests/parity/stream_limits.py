import asyncio

import ferrio


async def attempt(reader):
    try:
        print(await reader.readline(), bytes(reader._buffer))
    except ValueError as error:
        print(error, bytes(reader._buffer))


async def main():
    reader = asyncio.StreamReader(limit=8)
    reader.feed_data(b"a line that is too long\nshort\n")
    await attempt(reader)
    await attempt(reader)
    reader.feed_data(b"longer than the limit")
    await attempt(reader)
    reader.feed_data(b" its end\nnext\n")
    await attempt(reader)
    await attempt(reader)
    reader.feed_data(b"12345678\n")
    await attempt(reader)
    reader.feed_data(b"123456789\n")
    await attempt(reader)
    log = []

    class Transport(asyncio.Transport):
        def pause_reading(self):
            log.append("pause")

        def resume_reading(self):
            log.append("resume")

    reader = asyncio.StreamReader(limit=4)
    reader.set_transport(Transport())
    reader.feed_data(b"12345678")
    print(log, reader._paused)
    reader.feed_data(b"9")
    print(log, reader._paused)
    print(await reader.read(4), log, await reader.read(2), log, reader._paused)
    reader.feed_data(b"x" * 20)
    print(len(await reader.readexactly(23)), log)
    reader.feed_data(b"y" * 20)
    waiting = asyncio.create_task(reader.readexactly(30))
    await asyncio.sleep(0)
    print(log, reader._paused)
    reader.feed_data(b"y" * 10)
    print(len(await waiting), log)
    reader.feed_data(b"z" * 20)
    reader.feed_eof()
    print(len(await reader.read()), log)


ferrio.run(main())
