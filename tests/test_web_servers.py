"""Web servers under python -m ferrio: every worker answers from Ferrio, and its tasks can be looked at."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.web import APPLICATION, serving, workers_of

# The modules that are needed, the number of workers, and the command. They answer on a Unix socket.
SERVERS = {
    "uvicorn": ("uvicorn", 1, "uvicorn app:app --uds PATH"),
    "uvicorn on uvloop": ("uvicorn uvloop", 1, "uvicorn app:app --loop uvloop --uds PATH"),
    "uvicorn with workers": ("uvicorn", 2, "uvicorn app:app --workers 2 --uds PATH"),
    "uvicorn that reloads": ("uvicorn", 1, "uvicorn app:app --reload --uds PATH"),
    "gunicorn": (
        "gunicorn uvicorn_worker",
        2,
        "gunicorn app:app -k uvicorn_worker.UvicornWorker -w 2 -b unix:PATH",
    ),
    "hypercorn": ("hypercorn", 1, "hypercorn app:app -b unix:PATH"),
    "hypercorn on uvloop": ("hypercorn uvloop", 2, "hypercorn app:app -w 2 -k uvloop -b unix:PATH"),
}


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, int]]:
    """The path of a server's socket, and the number of its workers."""
    modules, workers, command = SERVERS[request.param]
    for module in modules.split():
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed (make programs)")
    (tmp_path / "app.py").write_text(APPLICATION)
    path = str(tmp_path / "socket")
    with serving(["-m", "ferrio", "-m", *command.replace("PATH", path).split()], tmp_path):
        yield path, workers


@pytest.mark.slow
def test_every_worker_answers_from_ferrio(server: tuple[str, int], tmp_path: Path) -> None:
    path, workers = server
    found = workers_of(path, "/", workers, tmp_path / "output")
    assert set(found.values()) == {"ferrio.loop ferrio._core"}
    for pid in found:
        command = [sys.executable, "-m", "ferrio", "pstree", str(pid)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert "(T) " in done.stdout, done.stderr
