"""Fetch the status line of several web sites, one after another and then all at once.

    python examples/site_status.py [URL ...]

Without URLs it starts local servers, some of which misbehave.
"""

import asyncio
import ssl
import sys
import time
from urllib.parse import SplitResult, urlsplit

import ferrio
from local_sites import Site, serve

# Seconds for one site, from the first packet to the status line.
TIMEOUT = 2.0

SITES = [
    Site("home", delay=0.3),
    Site("news", delay=0.5),
    Site("shop", delay=0.4, tls=True),
    Site("missing", status=404, delay=0.2),
    Site("broken", status=503, delay=0.3, tls=True),
    Site("moved", status=301, delay=0.4),
    Site("stranger", tls=True, trusted=False),
    Site("garbage", garbage=True),
    Site("sleepy", delay=30),
]

Row = tuple[str, str, float]


async def status_line(url: SplitResult, context: ssl.SSLContext) -> str:
    """Ask for the head of a page; return the first line of the answer."""
    secure = url.scheme == "https"
    if not url.hostname or url.scheme not in {"http", "https"}:
        raise ValueError("not an http or https URL")
    reader, writer = await asyncio.open_connection(
        url.hostname,
        url.port or (443 if secure else 80),
        ssl=context if secure else None,
    )
    try:
        request = f"HEAD {url.path or '/'} HTTP/1.1\r\nHost: {url.netloc}\r\nConnection: close\r\n\r\n"
        writer.write(request.encode())
        line = (await reader.readline()).decode("latin-1").strip()
    finally:
        writer.close()
    if not line.startswith("HTTP/"):
        raise ValueError(f"no HTTP answer: {line!r}")
    return line


async def check(url: str, context: ssl.SSLContext) -> Row:
    """Return the row of a site: URL, status or what is wrong, seconds."""
    start = time.perf_counter()
    try:
        async with asyncio.timeout(TIMEOUT):
            text = await status_line(urlsplit(url), context)
    except TimeoutError:
        text = f"no answer within {TIMEOUT:g} s"
    except ssl.SSLCertVerificationError as error:
        text = f"bad certificate: {error.verify_message}"
    except OSError as error:
        text = f"unreachable: {error}"
    except ValueError as error:
        text = f"bad answer: {error}"
    return url, text, time.perf_counter() - start


def show(title: str, rows: list[Row], seconds: float) -> None:
    """Print a table."""
    width = max(len(url) for url, _, _ in rows)
    print(f"{title}:")
    for url, text, took in rows:
        print(f"  {url:<{width}}  {took:5.2f} s  {text}")
    print(f"  wall time {seconds:.2f} s\n")


async def main(urls: list[str], authority: str | None) -> None:
    """Check every URL twice."""
    context = ssl.create_default_context(cafile=authority)
    start = time.perf_counter()
    rows = [await check(url, context) for url in urls]
    one_by_one = time.perf_counter() - start
    show("One after another", rows, one_by_one)
    start = time.perf_counter()
    rows = await asyncio.gather(*[check(url, context) for url in urls])
    together = time.perf_counter() - start
    show("All at once, with gather", rows, together)
    print(f"Speed-up: {one_by_one / together:.1f} times")


if __name__ == "__main__":
    if sys.argv[1:]:
        ferrio.run(main(sys.argv[1:], None))
    else:
        with serve(SITES) as (local_urls, local_authority):
            # nobody listens on port 1
            ferrio.run(main([*local_urls, "http://localhost:1/nobody"], local_authority))
