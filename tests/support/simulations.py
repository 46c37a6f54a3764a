"""What tests of ferrio.testing's network in memory have in common."""

import contextlib
import sys

import pytest


async def echo(reader, writer):
    """Serve a connection: send back what comes."""
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


@pytest.fixture(autouse=True)
def cancelled_connections(reports):
    """On 3.11, asyncio reports the task of a connection that the end of the run cancels."""
    yield
    if sys.version_info < (3, 12):
        callback = "Exception in callback StreamReaderProtocol.connection_made.<locals>.callback"
        reports.texts = [text for text in reports.texts if not text.startswith(callback)]
