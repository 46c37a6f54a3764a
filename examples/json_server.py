"""A web server that answers every GET with a JSON record; Ctrl-C stops it.

python examples/json_server.py [PORT]
"""

import asyncio
import json
import sys

import ferrio

RECORDS = {
    "/": {"name": "Ferrio", "kind": "event loop"},
    "/ferris": {"name": "Ferris", "kind": "crab", "legs": 10},
}


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one connection, which may ask several times."""
    try:
        while request := await reader.readline():
            method, path, *_ = request.decode("latin-1").split()
            close = False
            while (header := await reader.readline()).strip():
                close = close or header.lower().replace(b" ", b"").strip() == b"connection:close"
            status, record = "200 OK", RECORDS.get(path)
            if method != "GET":
                status, record = "405 Method Not Allowed", {"error": f"{method} is not served"}
            elif record is None:
                status, record = "404 Not Found", {"error": f"no record {path}"}
            body = json.dumps(record).encode() + b"\n"
            writer.write(
                f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            await writer.drain()
            if close:
                break
    except (ConnectionError, ValueError):
        pass  # the client has gone, or does not speak HTTP
    finally:
        writer.close()


async def main(port: int) -> None:
    """Serve until cancelled."""
    server = await asyncio.start_server(answer, "127.0.0.1", port)
    host, port = server.sockets[0].getsockname()
    print(f"Serving on http://{host}:{port}/", flush=True)
    try:
        async with server:
            await server.serve_forever()
    finally:
        print("Stopping.", flush=True)


if __name__ == "__main__":
    try:
        ferrio.run(main(int(sys.argv[1]) if sys.argv[1:] else 8000))
    except KeyboardInterrupt:
        print("Stopped by Ctrl-C.", flush=True)
