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
from support.networked import PROGRAMS, digest_of, trace_of
from support.simulations import cancelled_connections  # noqa: F401

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
    "lost_update": "0c2b464672656dcc",
    "wrong_lock_order": "caf864b9c08f9abe",
    "check_then_act": "434992d6cfb28d41",
    "lost_cancellation": "4c9fae9d64459371",
    "timeout_that_leaks": "018f6ce422574e81",
    "double_release": "8fc2f109ab660bde",
    "queue_joined_too_early": "3bb776030c6216a2",
    "message_taken_for_delivered": "7125b9f46e9c63ed",
    "leader_with_two_heads": "bab93c6c3d88e3f6",
    "retry_that_doubles": "6721d90adf6fea15",
}


@pytest.mark.parametrize("name", TRACES)
def test_a_seed_gives_the_same_trace_on_every_interpreter(name):
    assert digest_of(name) == TRACES[name]


NEEDS = {
    "aiohttp": ["aiohttp"],
    "httpx": ["httpx", "uvicorn"],
    "websockets": ["websockets"],
    "redis": ["redis"],
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_runs_and_two_runs_of_a_seed_are_equal(name):
    """In this process, and in others that order their sets differently."""
    for module in NEEDS[name]:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    for seed in range(3):
        trace_of(PROGRAMS[name], seed)
    first = trace_of(PROGRAMS[name], 1)
    assert first == trace_of(PROGRAMS[name], 1) != trace_of(PROGRAMS[name], 2)
    assert len(first.splitlines()) > 50
    outputs = {
        subprocess.run(
            [sys.executable, "-m", "support.networked", name],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            check=True,
            timeout=100,
        ).stdout
        for hash_seed in ("1", "2")
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
