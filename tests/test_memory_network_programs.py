"""Programs that are not Ferrio's run unchanged on ferrio.testing's network in memory."""

import asyncio
import functools

import aiohttp
import pytest
import uvicorn
from aiohttp import web
from ferrio import testing

in_memory = functools.partial(testing.run, network="memory")


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
