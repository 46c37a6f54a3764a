import asyncio

import ferrio


async def main():
    made = asyncio.get_running_loop().create_future()
    server = await asyncio.start_server(lambda r, w: made.set_result((r, w)), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname(), limit=1000)
    server_reader, server_writer = await made
    print(repr(writer).split(" ")[0], writer.is_closing(), writer.can_write_eof(), reader._limit)
    print(writer.get_extra_info("peername") == server_writer.get_extra_info("sockname"))
    print(writer.get_extra_info("nothing", "default"), isinstance(writer.transport, asyncio.Transport))
    writer.write(b"one ")
    writer.writelines([b"two ", bytearray(b"three")])
    print(await writer.drain(), await server_reader.readexactly(13))
    writer.write_eof()
    print(await server_reader.read(), server_reader.at_eof())
    server_writer.write(b"x" * 3_000_000)
    draining = asyncio.create_task(server_writer.drain())
    await asyncio.sleep(0.01)
    print(draining.done())
    print(len(await reader.readexactly(3_000_000)), await draining)
    server_writer.close()
    print(server_writer.is_closing(), await server_writer.wait_closed(), await reader.read())
    try:
        for _ in range(3):
            server_writer.write(b"late")
            await server_writer.drain()
    except ConnectionError as error:
        print(type(error).__name__, error)
    for wrong in ("text", None, 5):
        try:
            writer.write(wrong)
        except TypeError as error:
            print(error)
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()


ferrio.run(main())
