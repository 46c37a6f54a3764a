import asyncio
import io
import os
import socket
import tempfile

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    data = os.urandom(300_000)
    left, right = socket.socketpair()
    left.setblocking(False)
    right.setblocking(False)

    async def receive(count):
        received = bytearray()
        while len(received) < count:
            received += await loop.sock_recv(right, 100_000)
        return bytes(received)

    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        for offset, count in ((0, None), (100, 1000), (299_990, None)):
            expected = data[offset:] if count is None else data[offset : offset + count]
            sent, received = await asyncio.gather(
                loop.sock_sendfile(left, file, offset, count), receive(len(expected))
            )
            print(sent, received == expected)
        for wrong in ({"offset": -1}, {"offset": "x"}, {"count": 0}, {"count": "x"}):
            try:
                await loop.sock_sendfile(left, file, **wrong)
            except (ValueError, TypeError) as error:
                print(error)
    sent, received = await asyncio.gather(loop.sock_sendfile(left, io.BytesIO(b"no descriptor")), receive(13))
    print(sent, received)
    left.close()
    right.close()


ferrio.run(main())
