"""`support/fork_server.py`: what a script does in a fork has the same outcome as in an interpreter of its own."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.fork_server import ForkServer
from support.processes import ENVIRONMENT

SCRIPTS = {
    "prints": "print('text'); import sys; print('error', file=sys.stderr)",
    "fails": "raise ValueError('text')",
    "exits": "import sys; print('before'); sys.exit(3)",
    "exits_at_once": "import os; print('lost'); os._exit(4)",
    "is_killed": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "prints_at_its_end": "import atexit; atexit.register(print, 'end'); print(__name__, __file__ == __import__('sys').argv[0])",
    "finds_its_folder": "import neighbour; print(neighbour.__name__, __import__('sys').argv[1:])",
    "reads": "print(repr(input()) if __import__('sys').stdin else None)",
    "leaves_a_thread": "import threading, time; threading.Thread(target=lambda: (time.sleep(0.1), print('late'))).start()",
    "is_pending": "import asyncio, ferrio\nasync def main(): asyncio.create_task(asyncio.sleep(9))\nferrio.run(main())\nprint(1)",
    "forks": "import os\npid = os.fork()\nif pid: os.waitpid(pid, 0)\nprint(bool(pid))",
}


@pytest.fixture
def server() -> Iterator[ForkServer]:
    server = ForkServer([sys.executable], "ferrio", env=ENVIRONMENT)
    yield server
    server.close()


def last_line(text: str) -> list[str]:
    """Return the last line: the frames above it differ."""
    return text.splitlines()[-1:]


def run(server: ForkServer, script: Path, timeout: float = 60) -> tuple[int, str, list[str]]:
    stdout, stderr = script.with_suffix(".out"), script.with_suffix(".err")
    status = server.run(str(script), str(stdout), str(stderr), timeout)
    return status, stdout.read_text(), last_line(stderr.read_text())


def test_a_script_ends_as_in_an_interpreter_of_its_own(tmp_path: Path, server: ForkServer) -> None:
    (tmp_path / "neighbour.py").write_text("")
    for name, text in SCRIPTS.items():
        script = tmp_path / f"{name}.py"
        script.write_text(text)
        done = subprocess.run(
            [sys.executable, str(script)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=ENVIRONMENT,
            check=False,
        )
        expected = done.returncode, done.stdout, last_line(done.stderr)
        assert run(server, script) == expected, name


def test_after_a_script_that_hangs_comes_the_next(tmp_path: Path, server: ForkServer) -> None:
    hangs, works = tmp_path / "hangs.py", tmp_path / "works.py"
    hangs.write_text("import os, signal; print(os.getpid(), flush=True); signal.pause()")
    works.write_text("print(1)")
    assert run(server, works) == (0, "1\n", [])
    with pytest.raises(TimeoutError):
        run(server, hangs, timeout=1)
    hung = Path("/proc") / hangs.with_suffix(".out").read_text().strip()
    deadline = time.monotonic() + 10
    while hung.exists() and "State:\tZ" not in (hung / "status").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert run(server, works) == (0, "1\n", [])


def test_a_server_that_dies_is_told(tmp_path: Path, server: ForkServer) -> None:
    script = tmp_path / "kills.py"
    script.write_text(f"import os; os.kill(os.getppid(), {int(signal.SIGKILL)})")
    with pytest.raises((ValueError, OSError)):
        run(server, script)
