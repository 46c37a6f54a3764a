"""Each example prints the same on asyncio and on Ferrio."""

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
ON_ASYNCIO = Path(__file__).parent / "support" / "on_asyncio.py"

# Seconds for one example.
TIMEOUT = 120

PROGRAMS = sorted(
    path
    for path in EXAMPLES.glob("*.py")
    # The last two have a test in that of their toolkit.
    if path.stem not in {"local_sites", "json_server", "site_status", "tk_guest", "qt_guest"}
)


# What stands before an example on the command line.
WAYS = {"asyncio": [str(ON_ASYNCIO)], "ferrio": [], "installed": ["-m", "ferrio"]}


def command(example, way):
    """How an example is run."""
    # Not -X dev: on a busy machine it would tell of slow callbacks.
    prefix = [sys.executable, "-W", "always::ResourceWarning", "-W", "error::RuntimeWarning"]
    return [*prefix, *WAYS[way], str(example)]


def output(example, way, *arguments):
    """What an example prints; it has to succeed in silence."""
    done = subprocess.run(
        [*command(example, way), *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def outputs(example):
    """What an example prints in each way. The three run at the same time: most of them wait."""
    with ThreadPoolExecutor() as threads:
        return dict(zip(WAYS, threads.map(lambda way: output(example, way), WAYS), strict=True))


@pytest.mark.parametrize("example", PROGRAMS, ids=lambda path: path.stem)
def test_same_as_asyncio(example):
    def without_times(text):
        return re.sub(r"took \d+ units", "took N units", text)

    printed = {way: without_times(text) for way, text in outputs(example).items()}
    assert printed["asyncio"]
    assert printed["ferrio"] == printed["installed"] == printed["asyncio"]


def test_the_work_queue_takes_17_units():
    # A busy machine may keep it from the processor for longer than a unit.
    printed = (output(EXAMPLES / "work_queue.py", "ferrio") for _ in range(10))
    assert any("4 delays of 32 units in all took 17 units" in text for text in printed)


@pytest.mark.slow
def test_the_status_checker():
    def without_numbers(text):
        text = re.sub(r"localhost:\d+", "localhost", text)
        return re.sub(r" +", " ", re.sub(r"\d+\.\d+", "N", text))

    printed = outputs(EXAMPLES / "site_status.py")
    on_ferrio = printed["ferrio"]
    for way in ("asyncio", "installed"):
        assert without_numbers(on_ferrio) == without_numbers(printed[way])
    texts = ["HTTP/1.1 200 OK", "404 Not Found", "503 Service Unavailable"]
    texts += ["bad certificate", "no answer", "bad answer", "unreachable"]
    for text in texts:
        assert on_ferrio.count(text) >= 2, text
    speed_up = re.search(r"Speed-up: ([\d.]+) times", on_ferrio)
    assert float(speed_up.group(1)) > 1.3


def test_the_status_checker_takes_urls():
    printed = output(EXAMPLES / "site_status.py", "installed", "http://127.0.0.1:1/", "gopher://127.0.0.1/")
    assert printed.count("unreachable") == 2
    assert printed.count("not an http or https URL") == 2


@contextmanager
def json_server(way):
    """The JSON server, and what it prints."""
    example = EXAMPLES / "json_server.py"
    with subprocess.Popen(
        [*command(example, way), "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        watchdog = threading.Timer(TIMEOUT, server.kill)
        watchdog.start()
        try:
            port = int(re.search(r":(\d+)/", server.stdout.readline()).group(1))
            yield server, port
        finally:
            server.kill()
            watchdog.cancel()
            watchdog.join()


@pytest.mark.parametrize("way", WAYS)
def test_the_json_server(way):
    with json_server(way) as (server, port):
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
        for path, status in (("/ferris", 200), ("/nobody", 404), ("/", 200)):
            client.request("GET", path)
            answer = client.getresponse()
            assert answer.status == status
            assert isinstance(json.load(answer), dict)
        client.request("DELETE", "/")
        assert client.getresponse().status == 405
        client.close()
        curl = shutil.which("curl")
        if curl:
            fetched = subprocess.run(
                [curl, "-s", f"http://127.0.0.1:{port}/ferris"], capture_output=True, text=True, check=True
            )
            assert json.loads(fetched.stdout)["legs"] == 10
        server.send_signal(signal.SIGINT)
        assert server.stdout.read() == "Stopping.\nStopped by Ctrl-C.\n"
        assert server.stderr.read() == ""
        assert server.wait() == 0


@pytest.mark.slow
def test_the_types_of_ferrio_as_asyncio(tmp_path):
    pytest.importorskip("mypy")
    for example in EXAMPLES.glob("*.py"):
        text = re.sub(
            r"^import asyncio$", "import ferrio as asyncio", example.read_text(), flags=re.MULTILINE
        )
        (tmp_path / example.name).write_text(text)
    names = [path.name for path in tmp_path.glob("*.py")]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache")),
            # Toolkits that are not installed.
            "--disable-error-code=import-not-found",
            *names,
        ],
        cwd=tmp_path,
        env=os.environ | {"MYPYPATH": str(EXAMPLES.parent / "python")},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout
