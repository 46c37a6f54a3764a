"""Programs of well-known libraries on ferrio.testing's network in memory, by name: a server and a client each.

python -m support.networked [--disturbed NUMBER] NAME... prints traces, for other processes to compare.
"""

import asyncio
import contextlib
import gc
import hashlib
import sys
import time

from ferrio import testing

from support import planted, redis_server
from support.certificates import contexts
from support.traced import Disturbance, trace_of


async def aiohttp_program():
    import aiohttp
    from aiohttp import web

    net = testing.network()
    net.latency, net.jitter = 0.01, 0.02

    async def hello(request):
        await asyncio.sleep(0.05)
        return web.Response(text=f"hello {request.path}")

    application = web.Application()
    application.router.add_get("/{name}", hello)
    runner = web.AppRunner(application)
    await runner.setup()
    with net.host("web").active():
        await web.TCPSite(runner, "0.0.0.0", 8080).start()

    async def client(number):
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://web:8080/{number}", timeout=aiohttp.ClientTimeout(5)) as response,
        ):
            return await response.text()

    tasks = [net.host(f"client{number}").create_task(client(number)) for number in range(3)]
    answers = await asyncio.gather(*tasks)
    assert answers == [f"hello /{number}" for number in range(3)]
    await runner.cleanup()


async def httpx_program():
    import httpx
    import uvicorn

    net = testing.network()
    net.latency, net.jitter = 0.01, 0.02

    async def application(scope, receive, send):
        body = scope["path"].encode()
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    config = uvicorn.Config(
        application, "0.0.0.0", 80, log_level="warning", lifespan="off", ws="none", http="h11"
    )
    server = uvicorn.Server(config)
    serving = net.host("web").create_task(server.serve())
    await testing.eventually(lambda: server.started, within=10)

    async def client(number):
        async with httpx.AsyncClient(trust_env=False) as client:
            answers = [await client.get(f"http://web/{number}/{count}") for count in range(2)]
            return [(answer.status_code, answer.text) for answer in answers]

    tasks = [net.host(f"client{number}").create_task(client(number)) for number in range(2)]
    for number, answers in enumerate(await asyncio.gather(*tasks)):
        assert answers == [(200, f"/{number}/{count}") for count in range(2)]
    server.should_exit = True
    await serving


async def websockets_program():
    from websockets.asyncio.client import connect
    from websockets.asyncio.server import serve

    net = testing.network()
    net.latency, net.jitter = 0.01, 0.02

    async def echo(connection):
        async for message in connection:
            await connection.send(message[::-1])

    with net.host("web").active():
        server = await serve(echo, "0.0.0.0", 8765)

    async def client(number):
        async with connect("ws://web:8765/", proxy=None) as connection:
            await asyncio.sleep(30)
            await connection.send(f"hello {number}")
            return await connection.recv()

    tasks = [net.host(f"client{number}").create_task(client(number)) for number in range(3)]
    answers = await asyncio.gather(*tasks)
    assert answers == [f"hello {number}"[::-1] for number in range(3)]
    server.close()
    await server.wait_closed()


async def redis_program():
    import redis.asyncio

    net, store = testing.network(), {}
    net.latency, net.jitter = 0.01, 0.02
    db = net.host("db")
    db.start(lambda: redis_server.serve(store))
    await asyncio.sleep(1)

    async def client(number):
        async with redis.asyncio.Redis(host="db", protocol=2, retry=None) as client:
            await client.set(f"key{number}", number)
            await client.incr("count")
            return await client.get(f"key{number}")

    tasks = [net.host(f"client{number}").create_task(client(number)) for number in range(3)]
    assert await asyncio.gather(*tasks) == [b"0", b"1", b"2"]
    assert store[b"count"] == b"3"
    # The server crashes: what is in flight is lost, and a new connection works.
    async with redis.asyncio.Redis(host="db", protocol=2, retry=None) as client:
        await client.ping()
        db.crash()
        try:
            await client.ping()
        except redis.exceptions.ConnectionError:
            pass
        else:
            raise AssertionError
        db.restart()
        await asyncio.sleep(1)
        assert await client.get("count") == b"3"


async def tls_program():
    """Streams with TLS, and one that begins in the clear; one end is cut off."""
    net = testing.network()
    net.latency, net.jitter = 0.01, 0.02
    of_server, of_client = contexts()

    async def serve(reader, writer):
        if await reader.readline() == b"starttls\n":
            writer.write(b"go\n")
            await writer.start_tls(of_server)
        with contextlib.suppress(ConnectionResetError):
            while line := await reader.readline():
                writer.write(line[::-1])
                await writer.drain()
        writer.close()

    with net.host("web").active():
        await asyncio.start_server(serve, port=1)
        await asyncio.start_server(serve, port=2, ssl=of_server)

    async def client(number):
        secure = {"ssl": of_client, "server_hostname": "localhost"} if number % 2 else {}
        async with asyncio.timeout(60):
            reader, writer = await asyncio.open_connection("web", 1 + number % 2, **secure)
            writer.write(b"hello\n" if secure else b"starttls\n")
            if not secure:
                assert await reader.readline() == b"go\n"
                await writer.start_tls(of_client, server_hostname="localhost")
            writer.writelines([b"x" * 3000, b"\n"] * 3)
            for _ in range(3):
                await reader.readuntil(b"x")
            if number == 2:
                writer.transport.abort()
            writer.close()

    if sys.version_info >= (3, 12):
        # Before, streams have TLS from their beginning only.
        numbers = range(5)
    else:
        numbers = range(1, 6, 2)
    tasks = [net.host(f"client{number}").create_task(client(number)) for number in numbers]
    await asyncio.gather(*tasks)
    await asyncio.sleep(60)


async def udp_program():
    """Datagrams that are lost and doubled, over both families, with answers and a lease that times out."""
    net, loop, leases = testing.network(), asyncio.get_running_loop(), {}
    net.latency, net.jitter, net.loss, net.duplication = 0.01, 0.05, 0.2, 0.2

    class Server(asyncio.DatagramProtocol):
        def connection_made(self, transport):
            self.transport = transport

        def datagram_received(self, data, address):
            leases[data] = loop.time() + 1
            for name in {name for name in leases if leases[name] > loop.time()}:
                self.transport.sendto(name + b" is leased", address)

    class Client(asyncio.DatagramProtocol):
        def __init__(self):
            self.answers = asyncio.Queue()

        def datagram_received(self, data, address):
            self.answers.put_nowait(data)

    with net.host("leases").active():
        await loop.create_datagram_endpoint(Server, ("::", 1))

    async def client(number, address):
        transport, protocol = await loop.create_datagram_endpoint(Client, remote_addr=(address, 1))
        seen = set()
        for _ in range(5):
            transport.sendto(b"%d" % number)
            try:
                async with asyncio.timeout(0.2):
                    while True:
                        seen.add(await protocol.answers.get())
            except TimeoutError:
                await asyncio.sleep(0.1)
        transport.close()
        return sorted(seen)

    host = net.host("leases")
    answers = await asyncio.gather(
        *(
            net.host(f"client{number}").create_task(client(number, (host.address, host.address6)[number % 2]))
            for number in range(4)
        )
    )
    assert any(answers)


# time.sleep() would leave the simulation, but not before it is there.
_SLEEP = time.sleep


async def threads_program():
    """Calls in threads of two pools that take chance times, between tasks that are not idle."""
    import concurrent.futures
    import os

    loop, done = asyncio.get_running_loop(), set()

    def call(number):
        _SLEEP(os.urandom(1)[0] / 256 * 0.003)
        return number

    with concurrent.futures.ThreadPoolExecutor(2) as pool:

        async def work(number):
            for step in range(4):
                await asyncio.sleep(0.01 * (number % 2))
                done.add(await loop.run_in_executor((None, pool)[step % 2], call, (number, step)))
                async with asyncio.timeout(1):
                    await asyncio.to_thread(call, number)

        await asyncio.gather(*map(work, range(4)))
    assert len(done) == 16


PROGRAMS = {
    "aiohttp": aiohttp_program,
    "httpx": httpx_program,
    "websockets": websockets_program,
    "redis": redis_program,
    "tls": tls_program,
    "udp": udp_program,
    "threads": threads_program,
}

PLANTED = {fault.__name__: lambda fault=fault: fault(True) for fault in planted.FAULTS}


# What a program may do that leaves the simulation.
ALLOWED = {"threads": {"threads"}}


def digest_of(name):
    """Return a short text that stands for the traces of a program under some seeds."""
    traces = [trace_of(PLANTED[name], seed) for seed in range(20)]
    return hashlib.sha256("\n".join(traces).encode()).hexdigest()[:16]


def main():
    if sys.argv[1:] == ["--digests"]:
        # For TRACES in tests/test_memory_network_programs.py, when planted.py or what a schedule does has changed.
        print({name: digest_of(name) for name in PLANTED})
        return
    names, disturbance = sys.argv[1:], None
    if names[0] == "--disturbed":
        number, names = int(names[1]), names[2:]
        disturbance = Disturbance(number)
        gc.set_threshold((700, 50, 5, 100_000)[number % 4], 10, 10)
    for name in names:
        program, allowed = PROGRAMS[name], ALLOWED.get(name, ())
        # Its libraries are imported and have filled their caches after the first run.
        trace_of(program, 0, allowed=allowed)
        for seed in range(3):
            print(name, seed)
            print(trace_of(program, seed, disturbance, allowed))


if __name__ == "__main__":
    main()
