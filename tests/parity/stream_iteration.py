import asyncio

import ferrio


async def main():
    reader = asyncio.StreamReader()
    reader.feed_data(b"one\ntwo\n")
    asyncio.get_running_loop().call_later(0.005, reader.feed_data, b"three\nno newline")
    asyncio.get_running_loop().call_later(0.01, reader.feed_eof)
    async for line in reader:
        print(line)
    print([line async for line in reader], reader.at_eof())
    reader = asyncio.StreamReader(limit=4)
    reader.feed_data(b"too long\nok\n")
    reader.feed_eof()
    while not reader.at_eof():
        try:
            async for line in reader:
                print(line)
        except ValueError as error:
            print(error)
    reader = asyncio.StreamReader()
    reader.set_exception(OSError("broken"))
    try:
        async for line in reader:
            print(line)
    except OSError as error:
        print(error, reader.exception())


ferrio.run(main())
