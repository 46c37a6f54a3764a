import asyncio

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    for host, port in (
        ("127.0.0.1", 65536),
        ("127.0.0.1", "nonsense-service"),
        ("no such host", 80),
        ("127.0.0.1", -1),
    ):
        for connect in (asyncio.open_connection, lambda h, p: loop.create_server(asyncio.Protocol, h, p)):
            try:
                await connect(host, port)
            except Exception as error:
                print(host, port, type(error).__name__, error)
    # A port where nobody listens: no script binds it, for the same script runs on another loop meanwhile.
    try:
        await asyncio.open_connection("127.0.0.1", 1)
    except OSError as error:
        print(type(error).__name__, error)
    for arguments in (
        {},
        {"host": "h", "sock": 1},
        {"ssl": True, "port": 1},
        {"server_hostname": "x", "port": 1},
        {"ssl_handshake_timeout": 1, "port": 1},
    ):
        try:
            await loop.create_connection(asyncio.Protocol, **arguments)
        except Exception as error:
            print(type(error).__name__, error)


ferrio.run(main())
