import asyncio
import os
import pathlib
import sys
import tempfile

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "socket"
        for _ in range(2):
            # What a dead server has left is replaced.
            server = await loop.create_unix_server(asyncio.Protocol, path)
            print(server.sockets[0].getsockname() == str(path))
            server.close()
            await server.wait_closed()
            print(path.exists())
        if sys.version_info >= (3, 13):
            server = await loop.create_unix_server(asyncio.Protocol, path, cleanup_socket=False)
            server.close()
            print(path.exists())
            # Somebody else's is left alone.
            server = await loop.create_unix_server(asyncio.Protocol, path)
            path.unlink()
            other = await loop.create_unix_server(asyncio.Protocol, path, cleanup_socket=False)
            server.close()
            print(path.exists())
            other.close()
            path.unlink()
        path.unlink(missing_ok=True)
        path.write_text("a file")
        try:
            await loop.create_unix_server(asyncio.Protocol, path)
        except OSError as error:
            print(error.errno, str(error).replace(folder, "FOLDER"))
        print(path.read_text())
        try:
            await loop.create_unix_server(asyncio.Protocol, os.path.join(folder, "no", "such"))
        except OSError as error:
            print(type(error).__name__)
        try:
            await loop.create_unix_connection(asyncio.Protocol, path)
        except OSError as error:
            print(type(error).__name__)
        try:
            await loop.create_unix_server(asyncio.Protocol, "x" * 200)
        except OSError as error:
            print(error)


ferrio.run(main())
