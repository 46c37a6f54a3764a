"""A program of python -m ferrio that asks for uvloop gets Ferrio's loop."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

# About policies and what sets them.
WITHOUT_WARNINGS = ("-W", "ignore::DeprecationWarning")

REAL = importlib.util.find_spec("uvloop") is not None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Somewhere with a uvloop that is no real one."""
    package = tmp_path / "uvloop"
    package.mkdir()
    (package / "__init__.py").write_text(
        "import asyncio\nname = 'the real one'\nnew_event_loop = asyncio.new_event_loop"
    )
    (package / "loop.py").write_text("name = 'the real one'")
    (package / "beside.py").write_text("name = 'beside'")
    metadata = tmp_path / "uvloop-0.99.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: uvloop\nVersion: 0.99\n")
    return tmp_path


def run(code: str, *options: str, cwd: Path, environment: dict[str, str] | None = None) -> list[str]:
    """The lines that a program prints under python -m ferrio."""
    done = subprocess.run(
        [sys.executable, *WITHOUT_WARNINGS, "-m", "ferrio", *options, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=cwd,
        env=os.environ | (environment or {}),
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


PRELUDE = """
import asyncio, sys
async def main():
    return type(asyncio.get_running_loop()).__module__
"""


@pytest.mark.parametrize(
    "code",
    [
        "import uvloop; print(uvloop.run(main()))",
        "import uvloop; print(uvloop.run(main(), loop_factory=uvloop.Loop, debug=True))",
        "import uvloop; uvloop.install(); print(asyncio.run(main()))",
        "import uvloop; asyncio.set_event_loop_policy(uvloop.EventLoopPolicy()); print(asyncio.run(main()))",
        "import uvloop; loop = uvloop.new_event_loop(); print(loop.run_until_complete(main())); loop.close()",
        "from uvloop import Loop; loop = Loop(); print(loop.run_until_complete(main())); loop.close()",
        "from uvloop.loop import Loop; loop = Loop(); print(loop.run_until_complete(main())); loop.close()",
        "from uvloop import *; print(run(main()))",
        "import uvloop\nwith asyncio.Runner(loop_factory=uvloop.new_event_loop) as r: print(r.run(main()))",
    ],
)
def test_whatever_a_program_asks_of_uvloop_it_gets_ferrio(folder: Path, code: str) -> None:
    assert run(f"{PRELUDE}\n{code}", cwd=folder) == ["ferrio.loop"]


def test_a_program_that_tells_loops_apart_finds_its_own(folder: Path) -> None:
    code = "import uvloop\nasync def main(): print(isinstance(asyncio.get_running_loop(), uvloop.Loop))\nuvloop.run(main())"
    assert run(PRELUDE + code, cwd=folder) == ["True"]


def test_a_loop_of_another_make_is_refused_as_by_uvloop(folder: Path) -> None:
    # The class of asyncio's own loop; its name gives Ferrio's.
    code = """
from ferrio.installation import originals
import uvloop
try: uvloop.run(main(), loop_factory=originals["SelectorEventLoop"])
except TypeError as error: print(error)
"""
    options = "import warnings; warnings.simplefilter('ignore')"
    assert run(f"{options}\n{PRELUDE}\n{code}", cwd=folder) == ["uvloop.run() uses a non-uvloop event loop"]


def test_it_is_said_once_in_the_log(folder: Path) -> None:
    code = """
import logging
logging.basicConfig(level="INFO", stream=sys.stdout, format="%(levelname)s %(name)s %(message)s")
import uvloop
print("imported")
for _ in range(2): uvloop.run(main())
uvloop.new_event_loop().close()
"""
    imported, said = run(PRELUDE + code, cwd=folder)
    assert imported == "imported"
    assert said.startswith("INFO ferrio ")
    assert "--keep-uvloop" in said


def test_uvloop_can_be_kept(folder: Path) -> None:
    code = "import uvloop; print(uvloop.name); from uvloop.loop import name; print(name)"
    real = ["the real one", "the real one"]
    assert run(code, "--keep-uvloop", cwd=folder) == real
    assert run(code, cwd=folder, environment={"FERRIO_KEEP_UVLOOP": "1"}) == real


def test_a_program_that_finds_no_uvloop_sees_what_it_always_sees(tmp_path: Path) -> None:
    code = """
    import sys
    from importlib.machinery import PathFinder
    class Blind:
        def find_spec(self, name, *rest):
            return None if name == "uvloop" else PathFinder.find_spec(name, *rest)
    sys.meta_path[sys.meta_path.index(PathFinder)] = Blind()
    try: import uvloop
    except ModuleNotFoundError as error: print(error)
    import importlib.util
    print(importlib.util.find_spec("uvloop"))
    """
    assert run(code, cwd=tmp_path) == ["No module named 'uvloop'", "None"]


def test_the_rest_of_uvloop_is_its_own(folder: Path) -> None:
    code = """
    import uvloop, uvloop.beside
    print(uvloop.beside.name, uvloop.__version__)
    try: uvloop.nonsense
    except AttributeError as error: print(error)
    """
    assert run(code, cwd=folder) == ["beside 0.99", "module 'uvloop' has no attribute 'nonsense'"]


@pytest.mark.skipif(not REAL, reason="uvloop is not installed")
def test_the_real_uvloop_has_no_public_name_that_is_missing(tmp_path: Path) -> None:
    names = subprocess.check_output(
        [sys.executable, "-c", "import uvloop; print(*uvloop.__all__, 'Loop', '__version__')"], text=True
    ).split()
    code = f"import uvloop\nfor name in {names}: getattr(uvloop, name)\nprint(uvloop.__version__)"
    assert run(code, cwd=tmp_path) == [importlib.metadata.version("uvloop")]


def test_servers_that_choose_uvloop_by_themselves_run_on_ferrio(folder: Path) -> None:
    pytest.importorskip("uvicorn.loops.uvloop" if REAL else "uvicorn")
    code = """
    import uvicorn
    loop = uvicorn.Config("app:app", loop="auto").get_loop_factory()()
    print(type(loop).__module__)
    loop.close()
    """
    assert run(code, cwd=folder) == ["ferrio.loop"]
