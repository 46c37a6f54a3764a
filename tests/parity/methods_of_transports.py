import asyncio
import os
import socket
import sys

import ferrio

CLASSES = (
    "BaseTransport",
    "ReadTransport",
    "WriteTransport",
    "Transport",
    "DatagramTransport",
    "SubprocessTransport",
)


def show(transport):
    print([name for name in CLASSES if isinstance(transport, getattr(asyncio, name))])
    names = dir(transport)
    # A class attribute of asyncio's private classes.
    print([name for name in names if not name.startswith("_") and name != "max_size"])
    print("missing", [name for name in names if not hasattr(transport, name)])
    transport.mine = 1
    print("mine" in dir(transport))
    calls = {"pause_reading": (), "is_reading": (), "resume_reading": (), "can_write_eof": ()}
    if isinstance(transport, asyncio.DatagramTransport):
        calls |= {"write": (b"data",), "writelines": ([b"data"],), "write_eof": ()}
    for name, arguments in calls.items():
        if not hasattr(transport, name):
            print(name, "no attribute")
            continue
        try:
            print(name, getattr(transport, name)(*arguments))
        except Exception as error:
            print(name, repr(error))
    if hasattr(transport, "writelines"):
        for wrong in (5, [5]):
            try:
                transport.writelines(wrong)
            except TypeError:
                print("TypeError")


async def main():
    loop = asyncio.get_running_loop()
    reading, writing = os.pipe()
    reader, _ = await loop.connect_read_pipe(asyncio.Protocol, open(reading, "rb", 0))
    writer, _ = await loop.connect_write_pipe(asyncio.Protocol, open(writing, "wb", 0))
    left, right = socket.socketpair()
    connected, _ = await loop.create_connection(asyncio.Protocol, sock=left)
    came = asyncio.Queue()

    class Datagrams(asyncio.DatagramProtocol):
        def datagram_received(self, data, address):
            came.put_nowait(data)

    datagrams, _ = await loop.create_datagram_endpoint(Datagrams, ("127.0.0.1", 0))
    process, _ = await loop.subprocess_exec(asyncio.SubprocessProtocol, sys.executable, "-c", "input()")
    for transport in (reader, writer, connected, datagrams, process, process.get_pipe_transport(0)):
        print(type(transport).__name__.lstrip("_").removeprefix("Selector").removeprefix("Unix"))
        show(transport)

    # A datagram endpoint that is paused.
    datagrams.pause_reading()
    print(datagrams.is_reading())
    datagrams.sendto(b"data", datagrams.get_extra_info("sockname"))
    try:
        print(await asyncio.wait_for(came.get(), 0.05))
    except TimeoutError:
        print("nothing")
    datagrams.resume_reading()
    print(datagrams.is_reading(), await came.get())

    for handle in (loop.call_soon(int), loop.call_later(0, int)):
        print("missing", [name for name in dir(handle) if not hasattr(handle, name)])
    for transport in (reader, writer, connected, datagrams):
        transport.close()
    right.close()
    process.kill()
    await process._wait()
    process.close()
    print(datagrams.is_reading())
    datagrams.pause_reading()
    datagrams.resume_reading()


ferrio.run(main())
