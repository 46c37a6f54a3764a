import asyncio
import socket

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    client = socket.socket()
    client.setblocking(False)
    accepting = asyncio.create_task(loop.sock_accept(listener))
    await loop.sock_connect(client, listener.getsockname())
    server, address = await accepting
    print(address == client.getsockname(), server.gettimeout())
    receiving = asyncio.create_task(loop.sock_recv(server, 100))
    await asyncio.sleep(0)
    await loop.sock_sendall(client, b"hello")
    print(await receiving)
    big = b"x" * 3_000_000

    async def receive_all():
        count = 0
        buffer = bytearray(100_000)
        while count < len(big):
            count += await loop.sock_recv_into(server, buffer)
        return count

    print(await asyncio.gather(loop.sock_sendall(client, big), receive_all()))
    receiving = asyncio.create_task(loop.sock_recv(server, 100))
    await asyncio.sleep(0)
    receiving.cancel()
    print(await asyncio.gather(receiving, return_exceptions=True))
    for one in (client, server, listener):
        one.close()
    refused = socket.socket()
    refused.setblocking(False)
    try:
        await loop.sock_connect(refused, ("127.0.0.1", 1))
    except OSError as error:
        print(repr(error))
    refused.close()


ferrio.run(main())
