import asyncio
import socket

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    got = loop.create_future()

    class Server(asyncio.Protocol):
        def data_received(self, data):
            got.set_result(data)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        accepted, _ = listener.accept()
    transport, protocol = await loop.connect_accepted_socket(Server, accepted)
    client.sendall(b"accepted elsewhere")
    print(await got, isinstance(protocol, Server))
    transport.close()
    client.close()
    datagrams = socket.socket(type=socket.SOCK_DGRAM)
    try:
        await loop.connect_accepted_socket(Server, datagrams)
    except ValueError as error:
        print(str(error).split("<")[0])
    datagrams.close()


ferrio.run(main())
