import asyncio
import socket

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    left, right = socket.socketpair()
    left.setblocking(False)
    got = asyncio.Queue()
    loop.add_reader(left, lambda: got.put_nowait(left.recv(100)))
    right.send(b"one")
    print(await got.get())
    loop.add_reader(left.fileno(), lambda: got.put_nowait((left.recv(100), "second")))
    right.send(b"two")
    print(await got.get())
    print(loop.remove_reader(left), loop.remove_reader(left))
    writable = asyncio.Event()
    loop.add_writer(right, writable.set)
    await writable.wait()
    print(loop.remove_writer(right), loop.remove_writer(right))
    for wrong in (-1, "text", None):
        try:
            loop.add_reader(wrong, print)
        except ValueError as error:
            print(error)
    left.close()
    right.close()


ferrio.run(main())
