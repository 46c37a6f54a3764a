import asyncio
import selectors
import socket
import unittest.mock

import ferrio


class Derived(asyncio.SelectorEventLoop):
    """What asyncio's loop does inside is overridden: it works as on asyncio, also where Ferrio is installed."""

    def __init__(self, selector=None):
        self.calls = set()
        asyncio.SelectorEventLoop.__init__(self, selector)

    def _add_reader(self, descriptor, callback, *arguments):
        self.calls.add("_add_reader")
        super()._add_reader(descriptor, callback, *arguments)

    def _run_once(self):
        self.calls.add("_run_once")
        super()._run_once()

    def _process_events(self, events):
        self.calls.add("_process_events")
        super()._process_events(events)

    def run_forever(self):
        self.calls.add("run_forever")
        asyncio.SelectorEventLoop.run_forever(self)


class Further(Derived):
    def close(self):
        self.calls.add("close")
        super().close()


class Counting(selectors.DefaultSelector):
    selects = 0

    def select(self, timeout=None):
        self.selects += 1
        return super().select(timeout)


async def echo(reader, writer):
    writer.write(await reader.readexactly(4))
    await writer.drain()
    writer.close()


async def main():
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"data")
    print(await reader.read())
    writer.close()
    await writer.wait_closed()
    server.close()
    loop = asyncio.get_running_loop()
    left, right = socket.socketpair()
    left.setblocking(False)
    receiving = loop.create_task(loop.sock_recv(left, 10))
    await asyncio.sleep(0)
    right.send(b"more")
    print(await receiving, await loop.run_in_executor(None, int))
    process = await asyncio.create_subprocess_exec("echo", "text", stdout=-1)
    print(await process.communicate())
    left.close()
    right.close()


for make in (Derived, Further, lambda: Derived(selectors.SelectSelector())):
    loop = make()
    print(isinstance(loop, asyncio.SelectorEventLoop), issubclass(type(loop), asyncio.SelectorEventLoop))
    loop.run_until_complete(main())
    loop.close()
    print(sorted(loop.calls))

# A selector of the program's own.
for make in (asyncio.SelectorEventLoop, Derived):
    selector = Counting()
    loop = make(selector)
    loop.run_until_complete(main())
    print(selector.selects > 0, isinstance(loop, asyncio.SelectorEventLoop))
    loop.close()

# What the class itself is used for.
loop = asyncio.SelectorEventLoop(selectors.DefaultSelector())
print(
    asyncio.SelectorEventLoop.is_running(loop),
    asyncio.SelectorEventLoop.run_until_complete(loop, asyncio.sleep(0, 1)),
)
with unittest.mock.patch.object(asyncio.SelectorEventLoop, "create_future", return_value="patched"):
    print(loop.create_future())
with unittest.mock.patch.object(asyncio.SelectorEventLoop, "create_connection", new=lambda loop: "patched"):
    print(loop.create_connection())
print(asyncio.isfuture(loop.create_future()), asyncio.iscoroutinefunction(loop.create_connection))
loop.close()
print(
    issubclass(asyncio.SelectorEventLoop, asyncio.AbstractEventLoop), isinstance(5, asyncio.SelectorEventLoop)
)
ferrio.run(main())
for kind in {
    ferrio.SelectorEventLoop,
    ferrio.EventLoop if hasattr(asyncio, "EventLoop") else ferrio.SelectorEventLoop,
}:
    loop = kind()
    print(loop.run_until_complete(asyncio.sleep(0, "done")))
    loop.close()
