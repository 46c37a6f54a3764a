import asyncio
import socket

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    one, other = socket.socketpair()
    for sock in (one, other):
        sock.setblocking(False)
    # What is there already is taken at once.
    other.send(b"ready")
    print(await loop.sock_recv(one, 3), await loop.sock_recv(one, 3))
    buffer = bytearray(10)
    waiting = asyncio.create_task(loop.sock_recv_into(one, memoryview(buffer)[2:5]))
    await asyncio.sleep(0)
    await loop.sock_sendall(other, memoryview(b"abcdef"))
    print(await waiting, buffer, await loop.sock_recv(one, 100))
    # Two at a time: the later takes the place.
    first = asyncio.create_task(loop.sock_recv(one, 10))
    await asyncio.sleep(0)
    second = asyncio.create_task(loop.sock_recv(one, 10))
    await asyncio.sleep(0)
    other.send(b"for whom")
    done, pending = await asyncio.wait([first, second], timeout=0.5)
    print(len(done), len(pending), second in done)
    first.cancel()
    print(await asyncio.gather(first, return_exceptions=True))
    # Reading and writing at the same time.
    big = b"x" * 2_000_000
    sending = asyncio.create_task(loop.sock_sendall(one, big))
    receiving = asyncio.create_task(loop.sock_recv(one, 10))
    await asyncio.sleep(0)
    await loop.sock_sendall(other, b"both ways")
    print(await receiving)
    count = 0
    while count < len(big):
        count += len(await loop.sock_recv(other, 500_000))
    print(count, await sending)
    # Cancelled, and used again.
    for attempt in range(3):
        waiting = asyncio.create_task(loop.sock_recv(one, 10))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
    other.send(b"after")
    print(await loop.sock_recv(one, 10), loop.remove_reader(one), loop.remove_writer(one))
    # The end, and what is no more.
    other.close()
    print(await loop.sock_recv(one, 10))
    try:
        await loop.sock_sendall(one, b"x")
    except OSError as error:
        print(repr(error))
    one.close()
    try:
        await loop.sock_recv(one, 1)
    except OSError as error:
        print(error.errno)


ferrio.run(main())
