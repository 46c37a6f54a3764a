"""What python -m ferrio imports before a program runs: Ferrio comes when the program imports asyncio."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest


def run(
    code: str, *options: str, on: tuple[str, ...] = ("-m", "ferrio"), cwd: Path | None = None
) -> list[str]:
    """The lines that a program prints under python -m ferrio."""
    done = subprocess.run(
        [sys.executable, *options, *on, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=cwd,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_a_program_without_asyncio_imports_little_more_than_under_python_m(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("import sys\nprint(*sys.modules)")
    command = [sys.executable, "-m", "program"]
    theirs = subprocess.check_output(command, text=True, cwd=tmp_path).split()
    command = [sys.executable, "-m", "ferrio", "program.py"]
    ours = subprocess.check_output(command, text=True, cwd=tmp_path).split()
    assert set(ours) - set(theirs) <= {"ferrio.startup", "gc", "__future__"}


def test_a_program_with_asyncio_imports_only_ferrio_besides(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(
        "import asyncio, sys\nasyncio.run(asyncio.sleep(0))\nprint(*sys.modules)"
    )
    command = [sys.executable, "-m", "program"]
    theirs = subprocess.check_output(command, text=True, cwd=tmp_path).split()
    command = [sys.executable, "-m", "ferrio", "program.py"]
    ours = subprocess.check_output(command, text=True, cwd=tmp_path).split()
    others = {name for name in set(ours) - set(theirs) if name.split(".")[0] != "ferrio"}
    assert others <= {"gc", "__future__"}


IS_INSTALLED = "\nimport asyncio, ferrio\nprint(asyncio.Task is ferrio.Task is asyncio.tasks.Task)"


@pytest.mark.parametrize(
    "code",
    [
        "import asyncio",
        "import asyncio.events",
        "from asyncio import queues",
        "import ferrio",
        "import ferrio.loop",
        "from ferrio import _core",
        "import ferrio as asyncio",
        "import importlib; importlib.import_module('asyncio')",
        "import unittest.mock; unittest.mock.AsyncMock",
        "import threading; t = threading.Thread(target=__import__, args=('asyncio',)); t.start(); t.join()",
        "import importlib.util; importlib.util.find_spec('asyncio')",
    ],
)
def test_ferrio_is_installed_by_whichever_import_of_asyncio_is_first(code: str) -> None:
    assert run(code + IS_INSTALLED) == ["True"]


def test_threads_that_import_asyncio_and_ferrio_at_the_same_time_get_both() -> None:
    assert run(
        """
        import threading
        barrier = threading.Barrier(4)
        def work(name):
            barrier.wait()
            module = __import__(name)
            assert module.run and module.Queue
        threads = [threading.Thread(target=work, args=(name,)) for name in ["asyncio", "ferrio"] * 2]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        """
        + IS_INSTALLED.replace("\n", "\n        ")
    ) == ["True"]


def test_an_asyncio_that_was_imported_before_is_ferrios_too(tmp_path: Path) -> None:
    assert run(
        IS_INSTALLED,
        "-X",
        "dev",
        "-W",
        "ignore",
        on=("-m", "cProfile", "-o", str(tmp_path / "profile"), "-m", "ferrio"),
    ) == ["True"]


def test_a_module_shows_nothing_of_who_waited_for_its_import() -> None:
    code = "import asyncio; print(type(asyncio.__loader__), asyncio.__spec__.loader is asyncio.__loader__)"
    assert run(code) == run(code, on=())


def test_an_asyncio_that_can_not_be_imported_fails_as_without_ferrio(tmp_path: Path) -> None:
    (tmp_path / "asyncio.py").write_text("raise ImportError('not this one')")
    code = """
        for _ in range(2):
            try:
                import asyncio
            except ImportError as error:
                print(error)
        import sys
        sys.path.remove("")
        import asyncio
        print(asyncio.Task.__module__)
    """
    lines = run(code, cwd=tmp_path)
    assert lines == ["not this one", "not this one", "ferrio._core"]


def test_a_package_that_imports_ferrio_while_it_is_looked_for_gets_all_of_it(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("import ferrio\nprint(ferrio.Queue.__name__)")
    (package / "__main__.py").write_text("import asyncio\nprint(asyncio.Task.__module__)")
    for on in (["-m", "ferrio"], []):
        command = [sys.executable, *on, "-m", "package"]
        lines = subprocess.check_output(command, text=True, cwd=tmp_path).split()
        assert lines == ["Queue", "ferrio._core" if on else "_asyncio"]
