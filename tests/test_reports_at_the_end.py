"""What is pending, or was never retrieved, is reported when the interpreter ends, though nothing can be imported then."""

import re
import sys

import pytest
from support.processes import run_script

SCRIPT = """
import asyncio, ferrio, sys
if {installed}:
    ferrio.install()

async def waits():
    await asyncio.get_running_loop().create_future()

async def fails():
    raise ValueError("nobody asks")

async def gets():
    await asyncio.Queue().get()

async def failed():
    future = asyncio.get_running_loop().create_future()
    future.set_exception(OSError("nobody looks"))
    return future

async def main():
    loop = asyncio.get_running_loop()
    if {kind!r} == "failed":
        return await failed()
    coroutine = asyncio.sleep(100) if {kind!r} == "sleeps" else {kind}()
    task = loop.create_task(coroutine, name="kept")
    await asyncio.sleep(0.001)
    return task

loop = {loop}()
loop.set_debug({debug})
kept = loop.run_until_complete(main())
{close}
print("end")
"""


def reported(
    loop: str, kind: str, *, installed: bool = False, close: str = "", debug: bool = False
) -> list[str]:
    """Return the lines of the report without what always differs."""
    script = SCRIPT.format(loop=loop, kind=kind, installed=installed, close=close, debug=debug)
    done = run_script(script, "-W", "ignore")
    assert (done.returncode, done.stdout) == (0, "end\n"), done.stderr
    lines = [
        line
        for line in done.stderr.splitlines()
        if not line.startswith("  ") and "created at (most recent" not in line
    ]
    text = re.sub(r" (created|running|defined) at (<string>|[^>\s]+):\d+", "", "\n".join(lines))
    return re.sub(r" cb=\[[^]]*\]|0x[0-9a-f]+", "", text).splitlines()


@pytest.mark.parametrize("close", ["", "loop.close()"])
@pytest.mark.parametrize("kind", ["waits", "sleeps", "gets", "fails", "failed"])
def test_the_report_is_that_of_asyncio(kind: str, close: str) -> None:
    expected = reported("asyncio.new_event_loop", kind, close=close)
    assert re.match("Task was destroyed but it is pending|(Task|Future) exception was never", expected[0])
    assert reported("ferrio.new_event_loop", kind, close=close) == expected
    assert reported("ferrio.new_event_loop", kind, close=close, installed=True) == expected


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["waits", "sleeps", "failed"])
def test_in_debug_mode_too(kind: str) -> None:
    expected = reported("asyncio.new_event_loop", kind, debug=True)
    assert reported("ferrio.new_event_loop", kind, debug=True) == expected
    if sys.version_info >= (3, 12):
        assert reported("ferrio.new_event_loop", kind, debug=True, installed=True) == expected
