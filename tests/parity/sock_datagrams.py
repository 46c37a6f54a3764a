import asyncio
import socket

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    one, two = (socket.socket(type=socket.SOCK_DGRAM) for _ in range(2))
    for sock in (one, two):
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
    receiving = asyncio.create_task(loop.sock_recvfrom(two, 100))
    await asyncio.sleep(0)
    print(await loop.sock_sendto(one, b"datagram", two.getsockname()))
    data, address = await receiving
    print(data, address == one.getsockname())
    buffer = bytearray(100)
    receiving = asyncio.create_task(loop.sock_recvfrom_into(two, buffer))
    await asyncio.sleep(0)
    await loop.sock_sendto(one, b"into", two.getsockname())
    count, address = await receiving
    print(buffer[:count], address == one.getsockname())
    one.close()
    two.close()
    loop.set_debug(True)
    blocking = socket.socket()
    try:
        await loop.sock_recv(blocking, 1)
    except ValueError as error:
        print(error)
    blocking.close()


ferrio.run(main())
