"""Programs that are not Ferrio's run unchanged on ferrio.testing's network in memory, and repeat their runs."""

import asyncio
import contextlib
import functools
import importlib
import importlib.util
import os
import subprocess
import sys

import aiohttp
import pytest
import uvicorn
from aiohttp import web
from ferrio import testing
from support.networked import ALLOWED, PROGRAMS, digest_of
from support.simulations import cancelled_connections  # noqa: F401
from support.traced import trace_of

in_memory = functools.partial(testing.run, network="memory")

# Here, and not in the first test: some open files that they keep.
for module in (
    "httpx",
    "httpcore",
    "websockets.asyncio.client",
    "websockets.asyncio.server",
    "redis.asyncio",
):
    with contextlib.suppress(ImportError):
        importlib.import_module(module)

# Digests of the traces of programs that need nothing but asyncio: those of tests/support/planted.py. They are the same
# on every interpreter and machine. `python -m support.networked --digests` prints them.
TRACES = {
    "lost_update": "c809a10d3480be43",
    "wrong_lock_order": "c9a1e7ed34a0035a",
    "check_then_act": "147f924793ea9b03",
    "lost_cancellation": "0b520d14897412a7",
    "timeout_that_leaks": "fc58f5e0ece8e873",
    "double_release": "3982fc4509351deb",
    "queue_joined_too_early": "257b05e8933ca1d7",
    "message_taken_for_delivered": "fa0670a4e0e8b7f8",
    "leader_with_two_heads": "eab48aa24d6b65f7",
    "retry_that_doubles": "259ed1d9f86765a4",
}


@pytest.mark.parametrize("name", TRACES)
def test_a_seed_gives_the_same_trace_on_every_interpreter(name):
    assert digest_of(name) == TRACES[name]


NEEDS = {
    "aiohttp": ["aiohttp"],
    "httpx": ["httpx", "uvicorn"],
    "websockets": ["websockets"],
    "redis": ["redis"],
    "tls": [],
    "udp": [],
    "threads": [],
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_runs_and_two_runs_of_a_seed_are_equal(name):
    """In this process, and in others that order their sets differently, and have other objects at other places."""
    for module in NEEDS[name]:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    traced = functools.partial(trace_of, PROGRAMS[name], allowed=ALLOWED.get(name, ()))
    for seed in range(3):
        traced(seed)
    first = traced(1)
    assert first == traced(1) != traced(2)
    assert len(first.splitlines()) > 50
    outputs = {
        subprocess.run(
            [sys.executable, "-m", "support.networked", *disturbed, name],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            check=True,
            timeout=100,
        ).stdout
        for hash_seed, disturbed in (("1", []), ("2", ["--disturbed", "2"]), ("random", ["--disturbed", "3"]))
    }
    assert len(outputs) == 1 and len(outputs.pop()) > 1000


def test_aiohttp_runs_on_it():
    async def hello(request):
        return web.Response(text=f"hello {request.path}")

    async def main():
        net, loop = testing.network(), asyncio.get_running_loop()
        net.latency = 0.25
        application = web.Application()
        application.router.add_get("/{name}", hello)
        runner = web.AppRunner(application)
        await runner.setup()
        with net.host("web").active():
            await web.TCPSite(runner, "0.0.0.0", 8080).start()
        start = loop.time()
        async with aiohttp.ClientSession() as session:
            for number in range(3):
                async with session.get(f"http://web:8080/{number}") as response:
                    assert (response.status, await response.text()) == (200, f"hello /{number}")
            # Each way takes a quarter of a second. The connection is made once.
            assert loop.time() - start == 2
            with pytest.raises(aiohttp.ClientConnectorError):
                await session.get("http://web:1/")
        await runner.cleanup()

    for seed in (None, *range(5)):
        in_memory(main(), seed=seed)


def test_uvicorn_runs_on_it():
    async def application(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"hello"})

    async def main():
        net = testing.network()
        config = uvicorn.Config(application, "0.0.0.0", 80, log_level="warning", lifespan="off", ws="none")
        server = uvicorn.Server(config)
        with net.host("web").active():
            serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.1)
        reader, writer = await asyncio.open_connection("web", 80)
        writer.write(b"GET / HTTP/1.1\r\nhost: web\r\nconnection: close\r\n\r\n")
        assert (await reader.read()).endswith(b"\r\n\r\nhello")
        writer.close()
        server.should_exit = True
        await serving

    in_memory(main())
