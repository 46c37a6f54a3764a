"""Two workers fetch pages of a local server with aiohttp."""

import asyncio

import aiohttp
import ferrio
from aiohttp import web

PAGES = 10


async def page(request: web.Request) -> web.Response:
    """Answer with a page whose length depends on its number."""
    number = int(request.match_info["number"])
    await asyncio.sleep(0.005)
    return web.Response(text=f"page {number}: " + "x" * number * 100)


async def fetch_all(session: aiohttp.ClientSession, urls: asyncio.Queue[str], sizes: dict[str, int]) -> None:
    """Fetch pages until none is left."""
    while not urls.empty():
        url = urls.get_nowait()
        async with session.get(url) as response:
            sizes[response.url.path] = len(await response.text())


async def main() -> None:
    """Serve and fetch."""
    app = web.Application()
    app.router.add_get("/page/{number}", page)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    urls: asyncio.Queue[str] = asyncio.Queue()
    for number in range(PAGES):
        urls.put_nowait(f"http://{host}:{port}/page/{number}")
    sizes: dict[str, int] = {}
    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*[fetch_all(session, urls, sizes) for _ in range(2)])
    await runner.cleanup()
    for path, size in sorted(sizes.items()):
        print(f"{path}: {size} characters")
    print(f"{len(sizes)} pages, {sum(sizes.values())} characters")


if __name__ == "__main__":
    ferrio.run(main())
