"""Programs of well-known libraries on ferrio.testing's network in memory, by name: a server and a client each.

python -m support.networked NAME... prints traces, for other processes to compare.
"""

import asyncio
import hashlib
import sys

from ferrio import testing
from ferrio.testing.schedules import Order
from ferrio.testing.simulation import PATIENCE, run_in_order, seeded
from ferrio.testing.traces import Trace

from support import planted, redis_server


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


PROGRAMS = {
    "aiohttp": aiohttp_program,
    "httpx": httpx_program,
    "websockets": websockets_program,
    "redis": redis_program,
}

PLANTED = {fault.__name__: lambda fault=fault: fault(True) for fault in planted.FAULTS}


def trace_of(program, seed):
    """Return what ran in a run of a program, as text."""
    trace = Trace()

    async def main():
        try:
            await program()
        finally:
            trace.close()

    with seeded(seed):
        run_in_order(
            main(),
            Order.of_seed(seed, "mixed"),
            clock="virtual",
            strict=False,
            network="memory",
            network_seed=seed,
            allowed=frozenset(),
            patience=PATIENCE,
            debug=None,
            trace=trace,
            made=lambda loop: setattr(trace, "loop", loop),
        )
    return str(trace)


def digest_of(name):
    """Return a short text that stands for the traces of a program under some seeds."""
    traces = [trace_of(PLANTED[name], seed) for seed in range(20)]
    return hashlib.sha256("\n".join(traces).encode()).hexdigest()[:16]


def main():
    if sys.argv[1:] == ["--digests"]:
        # For TRACES in tests/test_memory_network_programs.py, when planted.py or what a schedule does has changed.
        print({name: digest_of(name) for name in PLANTED})
        return
    for name in sys.argv[1:]:
        program = PROGRAMS[name]
        # Its libraries are imported and have filled their caches after the first run.
        trace_of(program, 0)
        for seed in range(3):
            print(name, seed)
            print(trace_of(program, seed))


if __name__ == "__main__":
    main()
