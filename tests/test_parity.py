"""Each script in parity/ prints the same on asyncio and on Ferrio, warnings included."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SCRIPTS = sorted((HERE / "parity").glob("*.py"))
# The scripts import what they share from tests/support.
ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
}

# Seconds for one script.
TIMEOUT = 60

# How often a script is run without others beside it when it differed with them.
ALONE = 5

# What these scripts show was mended in asyncio within 3.11: 3.11.2 hangs, fails or warns there, 3.11.7 does not.
OF_LATER_3_11 = {
    "pipe_flow_control",
    "stream_server_callbacks",
    "stream_writer_left_open",
    "subprocess_redirections",
    "timeout_rescheduling",
}

# An exit status, and what was printed.
Run = tuple[int, str, str]


def run(*command: str) -> Run:
    """Run a script; return its exit status and what it printed, without what always differs."""
    done = subprocess.run(
        [sys.executable, "-W", "always", "-W", "ignore::DeprecationWarning", *command],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        env=ENVIRONMENT,
        check=False,
    )
    return done.returncode, clean(done.stdout), clean(done.stderr)


# A frame of a traceback in a library, its line of code and the marks below that.
LIBRARY_FRAME = re.compile(r'  File "[^"]*/(?:asyncio|ferrio|concurrent/futures)/[^\n]*\n(?:    [^\n]*\n)*')


def clean(text: str) -> str:
    """Take memory addresses, and what is inside of asyncio and Ferrio, out of a text."""
    text = LIBRARY_FRAME.sub("", text)
    text = text.replace("Traceback (most recent call last):\n", "")
    text = re.sub(r"0x[0-9a-f]+", "ADDRESS", text)
    text = re.sub(r"[^\s:]*/(asyncio|ferrio)/\w+\.py:\d+", "LIBRARY", text)
    return re.sub(r"/[\w./-]+/tests/?", "", text)


def commands(script: Path) -> list[tuple[str, ...]]:
    """A script on asyncio, on Ferrio, and with all of asyncio's names giving Ferrio's."""
    return [(str(HERE / "support/on_asyncio.py"), str(script)), (str(script),), ("-m", "ferrio", str(script))]


def same(on_asyncio: Run, on_ferrio: Run, installed: Run) -> bool:
    return on_asyncio[0] == 0 and on_asyncio == on_ferrio == installed


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_same_as_asyncio(script: Path) -> None:
    if script.stem in OF_LATER_3_11 and sys.version_info < (3, 11, 7):
        pytest.skip("this interpreter's asyncio is too old for it")
    with ThreadPoolExecutor() as threads:
        if same(*threads.map(lambda command: run(*command), commands(script))):
            return
    # They share a machine's ports and its processors: each alone has to be the same every time.
    for _ in range(ALONE):
        on_asyncio, on_ferrio, installed = (run(*command) for command in commands(script))
        assert on_asyncio[0] == 0, on_asyncio[2]
        assert on_ferrio == on_asyncio
        assert installed == on_asyncio


def test_there_are_scripts() -> None:
    assert len(SCRIPTS) >= 150
