"""The servers of the network benchmarks.

    python benches/servers.py LOOP KIND ADDRESS

serves until its standard input ends. ADDRESS is tcp:HOST:PORT, unix:PATH or udp:HOST:PORT; the first line
that it prints is the one it listens on.
"""

import asyncio
import contextlib
import socket
import ssl
import sys
import tempfile
from collections.abc import Awaitable, Callable
from typing import Any

import loops

PAGE = b"x" * 100
HTTP_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\n" + PAGE
CHUNK = 256 * 1024


class Echo(asyncio.Protocol):
    """Sends back what comes."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)

    def pause_writing(self) -> None:
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.transport.resume_reading()


class BufferedEcho(asyncio.BufferedProtocol):
    """Sends back what comes, out of a buffer of its own."""

    def __init__(self) -> None:
        self.buffer = memoryview(bytearray(CHUNK))

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def get_buffer(self, sizehint: int) -> Any:
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.transport.write(bytes(self.buffer[:nbytes]))

    def pause_writing(self) -> None:
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.transport.resume_reading()


class Sink(asyncio.Protocol):
    """Reads."""

    def data_received(self, data: bytes) -> None:
        pass


class Source(asyncio.Protocol):
    """Sends as much as goes, from the first byte on that comes."""

    chunk = b"x" * CHUNK

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.writing = False
        self.closed = False

    def data_received(self, data: bytes) -> None:
        self.writing = True
        self.send()

    def send(self) -> None:
        while self.writing and not self.closed:
            self.transport.write(self.chunk)

    def pause_writing(self) -> None:
        self.writing = False

    def resume_writing(self) -> None:
        self.writing = True
        self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True


class Http(asyncio.Protocol):
    """Answers each request with one page."""

    def connection_made(self, transport: Any) -> None:
        import httptools

        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        self.transport.write(HTTP_ANSWER)


class EchoDatagrams(asyncio.DatagramProtocol):
    """Sends each datagram back."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.transport.sendto(data, addr)


async def echo_stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send back what comes."""
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    writer.close()


async def echo_socket(sock: socket.socket) -> None:
    """Send back what comes."""
    loop = asyncio.get_running_loop()
    with sock, contextlib.suppress(ConnectionError):
        while data := await loop.sock_recv(sock, CHUNK):
            await loop.sock_sendall(sock, data)


def tls_context() -> ssl.SSLContext:
    """Return a server's context with a certificate of our own making."""
    import trustme

    certificate = trustme.CA().issue_cert("localhost", key_type=trustme.KeyType.ECDSA)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def listening_socket(address: str) -> socket.socket:
    """Return a bound stream socket."""
    kind, _, rest = address.partition(":")
    if kind == "unix":
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.bind(rest)
    else:
        host, _, port = rest.rpartition(":")
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, int(port)))
    sock.listen(1024)
    sock.setblocking(False)
    return sock


PROTOCOLS: dict[str, Callable[[], Any]] = {
    "protocol": Echo,
    "buffered": BufferedEcho,
    "sink": Sink,
    "source": Source,
    "http": Http,
}


async def serve_sockets(sock: socket.socket) -> None:
    """Accept connections by sock_accept, for ever."""
    loop = asyncio.get_running_loop()
    tasks = set()
    while True:
        connection, _ = await loop.sock_accept(sock)
        if connection.family == socket.AF_INET:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = asyncio.create_task(echo_socket(connection))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


async def start(kind: str, sock: socket.socket) -> Any:
    """Start a server, and return what keeps it alive."""
    loop = asyncio.get_running_loop()
    is_unix = sock.family == socket.AF_UNIX
    base, _, tls = kind.partition("+")
    keywords: dict[str, Any] = {"sock": sock, "backlog": 1024}
    if tls:
        keywords["ssl"] = tls_context()
    if base == "sock":
        return asyncio.create_task(serve_sockets(sock))
    if base == "streams":
        create: Callable[..., Awaitable[Any]] = asyncio.start_unix_server if is_unix else asyncio.start_server
        return await create(echo_stream, limit=CHUNK, **keywords)
    create = loop.create_unix_server if is_unix else loop.create_server
    return await create(PROTOCOLS[base], **keywords)


def name_of(sock: Any) -> str:
    """Return a socket's address as the load client takes it."""
    name = sock.getsockname()
    if isinstance(name, str):
        return f"unix:{name}"
    kind = "udp" if sock.type == socket.SOCK_DGRAM else "tcp"
    return f"{kind}:{name[0]}:{name[1]}"


async def until_input_ends() -> None:
    """Wait for the end of standard input, in a thread that costs nothing."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()

    def read() -> None:
        sys.stdin.read()
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(over.set)

    import threading

    threading.Thread(target=read, daemon=True).start()
    await over.wait()


async def main(kind: str, address: str) -> None:
    """Serve until standard input ends."""
    if kind == "udp":
        host, _, port = address.removeprefix("udp:").rpartition(":")
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(EchoDatagrams, local_addr=(host, int(port)))
        print(name_of(transport.get_extra_info("socket")), flush=True)
        await until_input_ends()
        return
    sock = listening_socket(address)
    print(name_of(sock), flush=True)
    kept = await (frameworks[kind](sock) if kind in frameworks else start(kind, sock))
    await until_input_ends()
    del kept


async def start_uvicorn(sock: socket.socket) -> Any:
    """Start uvicorn with the smallest application."""
    import uvicorn

    headers = [(b"content-type", b"text/plain"), (b"content-length", b"100")]

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": PAGE})

    config = uvicorn.Config(application, log_level="error", access_log=False, lifespan="off")
    return asyncio.create_task(uvicorn.Server(config).serve(sockets=[sock]))


async def start_aiohttp(sock: socket.socket) -> Any:
    """Start an aiohttp server with one page."""
    from aiohttp import web

    async def page(request: Any) -> Any:
        return web.Response(body=PAGE)

    application = web.Application()
    application.router.add_get("/", page)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.SockSite(runner, sock).start()
    return runner


frameworks: dict[str, Callable[[socket.socket], Awaitable[Any]]] = {
    "uvicorn": start_uvicorn,
    "aiohttp": start_aiohttp,
}

if __name__ == "__main__":
    loop, kind, address = sys.argv[1:4]
    if address == "unix:":
        with tempfile.TemporaryDirectory() as folder:
            loops.run(loop, main(kind, f"unix:{folder}/socket"))
    else:
        loops.run(loop, main(kind, address))
