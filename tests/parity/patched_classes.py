"""What tests and detectors replace in asyncio's own classes."""

import asyncio
import os
import socket
import unittest.mock

import ferrio


async def connect():
    loop = asyncio.get_running_loop()
    left, right = socket.socketpair()
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=left)
    return transport, right


def extra_info(self, name, default=None):
    return type(self).__name__.removeprefix("_Selector"), name, default


async def extra():
    transport, other = await connect()
    with unittest.mock.patch("asyncio.Transport.get_extra_info", return_value="mocked") as mock:
        print(transport.get_extra_info("peername"), mock.mock_calls)
        print(transport.get_extra_info("peername", 5), mock.mock_calls)
    with unittest.mock.patch("asyncio.Transport.get_extra_info", new=extra_info):
        print(transport.get_extra_info("peername"), transport.get_extra_info("other", 1))
    with unittest.mock.patch("asyncio.BaseTransport.get_extra_info", new=extra_info):
        print(transport.get_extra_info("peername"))
    print(transport.get_extra_info("socket") is not None, transport.get_extra_info("other", 1))
    transport.pause_reading()
    print(transport._paused)
    transport.close()
    other.close()


class Reader(asyncio.Protocol):
    def data_received(self, data):
        self.data = data


async def callbacks():
    """Every callback is seen, with what it belongs to."""
    loop = asyncio.get_running_loop()
    original = asyncio.Handle._run
    seen = []

    def run(handle):
        owner = getattr(handle._callback, "__self__", None)
        seen.append(owner if isinstance(owner, asyncio.Task) else handle)
        return original(handle)

    def callback(*arguments):
        calls.append(arguments)

    def raising():
        raise ValueError("in a callback")

    async def child():
        await asyncio.sleep(0)

    calls = []
    errors = []
    loop.set_exception_handler(lambda loop, context: errors.append(repr(context["exception"])))
    asyncio.Handle._run = run
    try:
        await asyncio.sleep(0)
        loop.call_soon(callback, 1, 2)
        loop.call_later(0, callback, 3)
        loop.call_soon_threadsafe(callback)
        loop.call_soon(raising)
        task = loop.create_task(child())
        await task
        reading, writing = os.pipe()
        loop.add_reader(reading, callback, "reader")
        os.write(writing, b"data")
        await asyncio.sleep(0.01)
        loop.remove_reader(reading)
        transport, other = await connect()
        transport.set_protocol(Reader())
        other.send(b"data")
        while not hasattr(transport.get_protocol(), "data"):
            await asyncio.sleep(0)
        transport.close()
        other.close()
        await asyncio.sleep(0)
    finally:
        asyncio.Handle._run = original
    before = len(seen)
    await asyncio.sleep(0)
    print(len(seen) == before, sum(one is task for one in seen), asyncio.current_task() in seen)
    handles = [one for one in seen if not isinstance(one, asyncio.Task)]
    mine = [one for one in handles if one._callback in (callback, raising)]
    print(sorted({one._callback.__name__ for one in mine}), sorted(set(map(str, calls))), errors)
    print(len(handles) - len(mine) >= 3)
    os.close(reading)
    os.close(writing)


async def leaving():
    """An exit leaves the loop by way of the replacement too."""
    asyncio.get_running_loop().call_soon(exit)
    await asyncio.sleep(1)


ferrio.run(extra())
ferrio.run(callbacks())
ferrio.run(callbacks(), debug=True)
original = asyncio.Handle._run
asyncio.Handle._run = lambda handle: original(handle)
try:
    ferrio.run(leaving())
except SystemExit as error:
    print(repr(error))
