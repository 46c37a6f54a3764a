import asyncio
import socket

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    print(await loop.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM))
    print(await loop.getnameinfo(("127.0.0.1", 80), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV))
    try:
        await loop.getaddrinfo("no such host", 80)
    except socket.gaierror as error:
        print(error.errno == socket.EAI_NONAME)


ferrio.run(main())
