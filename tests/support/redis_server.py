"""A small Redis server on asyncio's streams: PING, SET, GET, INCRBY and what clients ask when they connect."""

import asyncio
import contextlib


async def serve(store, port=6379):
    """Serve a dict until cancelled."""

    async def connection(reader, writer):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while count := await reader.readline():
                words = []
                for _ in range(int(count[1:])):
                    length = int((await reader.readline())[1:])
                    words.append((await reader.readexactly(length + 2))[:-2])
                writer.write(answer(store, words[0].upper(), words[1:]))
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(connection, None, port)
    async with server:
        await server.serve_forever()


def answer(store, command, arguments):
    """Return the answer to a command, in the protocol RESP 2."""
    if command == b"PING":
        return b"+PONG\r\n"
    if command == b"SET":
        store[arguments[0]] = arguments[1]
        return b"+OK\r\n"
    if command == b"GET":
        value = store.get(arguments[0])
        return b"$-1\r\n" if value is None else b"$%d\r\n%s\r\n" % (len(value), value)
    if command == b"INCRBY":
        store[arguments[0]] = b"%d" % (int(store.get(arguments[0], b"0")) + int(arguments[1]))
        return b":%s\r\n" % store[arguments[0]]
    if command in {b"CLIENT", b"SELECT", b"AUTH"}:
        return b"+OK\r\n"
    return b"-ERR unknown command\r\n"
