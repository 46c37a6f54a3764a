"""Whole programs on Ferrio: a web application with a database, gunicorn, a Jupyter kernel, a cluster of dask.

`make programs` installs what they need. A test skips without it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from support import postgresql
from support.web import APPLICATION, ask, serving, workers_of

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PROGRAMS = Path(__file__).parent / "programs"


def needs(*modules: str) -> None:
    """Skip the test if a module is not installed."""
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (make programs)")


def lines_of(*command: str, cwd: Path, timeout: float = 110, **environment: str) -> list[str]:
    """What a program prints. Its child processes end with it, however it ends."""
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=cwd,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=timeout)
        assert process.returncode == 0, output + errors
        return output.splitlines()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def example(document: str, word: str) -> str:
    """The indented example of a document that has a word in it."""
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", (ROOT / document).read_text(), re.MULTILINE)
    (found,) = [block for block in blocks if word in block]
    return re.sub(r"^    ", "", found, flags=re.MULTILINE)


# A web application with a database


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """The folder of a PostgreSQL server's socket."""
    needs("fastapi", "uvicorn", "sqlalchemy", "greenlet", "asyncpg")
    if postgresql.programs() is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    with postgresql.server() as folder:
        yield folder


@pytest.mark.parametrize(
    "command",
    ["-m ferrio -m uvicorn accounts:app", "-m uvicorn accounts:app --loop ferrio:new_event_loop"],
    ids=["python -m ferrio", "--loop"],
)
def test_a_web_application_with_workers_and_a_database(tmp_path: Path, database: str, command: str) -> None:
    path = str(tmp_path / "socket")
    name = f"account{os.getpid()}{'loop' if '--loop' in command else ''}"
    environment = {
        "PYTHONPATH": str(PROGRAMS),
        "DATABASE": f"postgresql+asyncpg://test@/postgres?host={database}",
    }
    with serving([*command.split(), "--workers", "2", "--uds", path], tmp_path, environment) as process:
        found = workers_of(path, "/where", 2, tmp_path / "output")
        assert set(found.values()) == {"ferrio.loop ferrio._core"}
        assert ask(path, "/create", "POST")[0] == 200
        assert ask(path, f"/accounts/{name}?amount=10", "POST") == (200, "null")
        with ThreadPoolExecutor(10) as pool:
            payments = list(pool.map(lambda n: ask(path, f"/accounts/{name}?amount={n}", "POST"), range(100)))
            assert payments == [(200, "null")] * 100
            balance = 10 + sum(range(100))
            assert ask(path, f"/accounts/{name}") == (200, str(balance))
            # The database refuses; the connection of the pool is used again.
            refused = pool.map(lambda _: ask(path, f"/accounts/{name}?amount=-100000", "POST")[0], range(30))
            assert set(refused) == {409}
        assert ask(path, f"/accounts/{name}") == (200, str(balance))
        assert ask(path, "/thread") == (200, "true")
        assert ask(path, "/accounts/nobody") == (200, "null")
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    output = (tmp_path / "output").read_text()
    assert "Traceback" not in output, output


# gunicorn


def test_gunicorns_worker_of_the_documentation(tmp_path: Path) -> None:
    needs("gunicorn", "uvicorn_worker")
    (tmp_path / "app.py").write_text(APPLICATION)
    (tmp_path / "ferrio_worker.py").write_text(example("docs/programs.md", "class FerrioWorker"))
    path = str(tmp_path / "socket")
    command = f"-m gunicorn app:app -k ferrio_worker.FerrioWorker -w 2 -b unix:{path}"
    with serving(command.split(), tmp_path) as process:
        found = workers_of(path, "/", 2, tmp_path / "output")
        assert set(found.values()) == {"ferrio.loop ferrio._core"}
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    output = (tmp_path / "output").read_text()
    assert "Traceback" not in output, output


# Jupyter


@pytest.mark.parametrize(
    "client", [(), ("-m", "ferrio")], ids=["client uses the loop", "client under ferrio"]
)
def test_a_jupyter_kernel(tmp_path: Path, client: tuple[str, ...]) -> None:
    needs("ipykernel", "jupyter_client")
    folder = tmp_path / "kernels" / "ferrio"
    folder.mkdir(parents=True)
    kernel = json.loads(example("docs/programs.md", "ipykernel_launcher"))
    # The document cannot know where Python is.
    kernel["argv"][0] = sys.executable
    (folder / "kernel.json").write_text(json.dumps(kernel))
    environment = {
        "KERNEL": "ferrio",
        "JUPYTER_PATH": str(tmp_path),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "IPYTHONDIR": str(tmp_path / "ipython"),
    }
    assert lines_of(*client, str(PROGRAMS / "notebook.py"), cwd=tmp_path, **environment) == [
        "'ferrio.loop'",
        "'ferrio._core'",
        "[0, 1, 2]",
        "",
        "7",
        "ValueError: wanted",
        "2",
        "1024",
        "interrupted: CancelledError",
        "'goes on'",
    ]


# dask


# A loaded machine is slow to start the workers' processes.
@pytest.mark.timeout(400)
def test_a_cluster_of_dask(tmp_path: Path) -> None:
    needs("distributed", "numpy")
    assert lines_of(str(PROGRAMS / "dask_cluster.py"), cwd=tmp_path, timeout=350) == [
        "scheduler ferrio._core ferrio.loop",
        "client ferrio._core ferrio.loop",
        "workers 2 ferrio._core ferrio.loop",
        f"tasks {-sum(range(2000))}",
        "matrix (400, 400) 400.0 400.0",
        "error wanted",
        "cancel cancelled",
        "restart 3 2",
        "executor [1, 2, 4, 8]",
        "closed",
    ]


@pytest.mark.timeout(240)
def test_the_five_lines_of_the_readme(tmp_path: Path) -> None:
    needs("distributed")
    program = tmp_path / "program.py"
    program.write_text(example("README.md", "dask.distributed"))
    assert lines_of(str(program), cwd=tmp_path, timeout=200) == [str(sum(n**2 for n in range(2000)))]
