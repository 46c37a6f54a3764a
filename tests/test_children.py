"""What a program of python -m ferrio starts runs on Ferrio too, and sees nothing of how that comes about."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import ferrio.startup
import pytest

# A module for programs and their children. LOOP is where the class of asyncio.run()'s loop comes from.
HELPER = """
import asyncio, subprocess, sys

async def _main():
    return type(asyncio.get_running_loop()).__module__

def loop(*_):
    return asyncio.run(_main())

def child(code, *options, **keywords):
    command = [sys.executable, "-W", "ignore", *options, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, **keywords)
    return done.stdout + done.stderr
"""

THEIRS = "asyncio.unix_events"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "helper.py").write_text(HELPER)
    return tmp_path


def run(
    folder: Path, program: str, *options: str, on: tuple[str, ...] = ("-m", "ferrio"), path: str | None = None
) -> list[str]:
    """The lines that a program prints, which is a file in the folder.

    path: PYTHONPATH; with what is found there the interpreter may complain.
    """
    (folder / "program.py").write_text(
        "import asyncio, os, sys\nfrom helper import *\n" + textwrap.dedent(program)
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if path is not None:
        environment["PYTHONPATH"] = path
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *on, *options, "program.py"],
        capture_output=True,
        text=True,
        timeout=100,
        cwd=folder,
        env=environment,
    )
    assert (done.returncode, done.stderr if path is None else "") == (0, "")
    return done.stdout.splitlines()


def both(folder: Path, program: str, path: str | None = None) -> list[str]:
    """The lines that a program prints under python -m ferrio, the same as under python."""
    lines = run(folder, program, path=path)
    assert lines == run(folder, program, on=(), path=path)
    return lines


LOOP = "import helper; print(helper.loop())"


def test_a_program_that_is_started_with_the_same_interpreter_runs_on_ferrio(folder: Path) -> None:
    assert run(folder, f"print(child({LOOP!r}), end='')") == ["ferrio.loop"]


def test_a_program_that_asyncio_starts_runs_on_ferrio(folder: Path) -> None:
    program = f"""
    async def main():
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", {LOOP!r})
        await child.wait()
    asyncio.run(main())
    """
    assert run(folder, program) == ["ferrio.loop"]


def test_a_childs_children_run_on_ferrio(folder: Path) -> None:
    code = f"import helper; print(helper.child({LOOP!r}), end='')"
    assert run(folder, f"print(child({code!r}), end='')") == ["ferrio.loop"]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_of_multiprocessing_run_on_ferrio(folder: Path, method: str) -> None:
    program = f"""
    if __name__ == "__main__":
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context({method!r})) as pool:
            print(*pool.map(loop, range(2)))
        async def main():
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context({method!r})) as pool:
                print(await asyncio.get_running_loop().run_in_executor(pool, loop))
        asyncio.run(main())
    """
    assert run(folder, program) == ["ferrio.loop ferrio.loop", "ferrio.loop"]


def test_children_can_be_left_out(folder: Path) -> None:
    program = f"""
    print(loop())
    print(child({LOOP!r}), end="")
    print("PYTHONPATH" in os.environ)
    """
    assert run(folder, program, "--no-children") == ["ferrio.loop", THEIRS, "False"]


def test_an_interpreter_is_the_same_by_another_path(folder: Path) -> None:
    (folder / "environment").symlink_to(sys.prefix)
    other = folder / "environment" / Path(sys.executable).relative_to(sys.prefix)
    program = f"print(subprocess.check_output([{str(other)!r}, '-c', {LOOP!r}], text=True), end='')"
    assert run(folder, program) == ["ferrio.loop"]


def test_one_child_can_be_left_out(folder: Path) -> None:
    program = f"""
    print(child({LOOP!r}, env=os.environ | {{"FERRIO_CHILDREN": "0"}}), end="")
    print(child({LOOP!r}), end="")
    """
    assert run(folder, program) == [THEIRS, "ferrio.loop"]


def test_options_are_passed_on(folder: Path) -> None:
    package = folder / "uvloop"
    package.mkdir()
    (package / "__init__.py").write_text("name = 'the real one'")
    code = "import uvloop; print(getattr(uvloop, 'name', 'Ferrio'))"
    assert run(folder, f"print(child({code!r}), end='')") == ["Ferrio"]
    assert run(folder, f"print(child({code!r}), end='')", "--keep-uvloop") == ["the real one"]


def test_a_child_that_asks_for_ferrio_itself_gets_it(folder: Path) -> None:
    program = f"""
    print(child({LOOP!r}, "-m", "ferrio"), end="")
    print(child("import ferrio, asyncio; print(asyncio.Task is ferrio.Task)"), end="")
    """
    assert run(folder, program) == ["ferrio.loop", "True"]


SIGHTS = """
import sys
print([place for place in sys.path if "startup" in place or place == ""], [*sys.path_importer_cache][:1])
print("sitecustomize" in sys.modules, getattr(sys.modules.get("sitecustomize"), "__file__", None))
try:
    import sitecustomize
except ImportError as error:
    print(error)
else:
    print(sitecustomize.__spec__.origin, sitecustomize.__name__, "here" in vars(sitecustomize))
print([name for name in sys.modules if "sitecustomize" in name])
"""


def test_a_child_sees_nothing_of_it(folder: Path) -> None:
    # The folder that python -c puts in front is among what is shown.
    both(folder, f"print(child({SIGHTS!r}))")


@pytest.mark.parametrize(
    "own", ["print('own')", "import asyncio; print('own')", "raise ValueError('own')", "import no_such"]
)
def test_the_users_own_sitecustomize_is_imported_as_ever(folder: Path, own: str) -> None:
    place = folder / "site"
    place.mkdir()
    (place / "sitecustomize.py").write_text(own)
    path = os.pathsep.join([str(place), str(folder)])
    said = "\n".join(both(folder, f"print(child({SIGHTS!r}))", path=path))
    assert "own" in said or "no_such" in said
    assert "ferrio.loop" in run(folder, f"print(child({LOOP!r}), end='')", path=path)


def test_an_interpreter_that_ferrio_is_not_for_does_without(folder: Path) -> None:
    # Where imports look is a package of that name, but not the extension module for this interpreter.
    place = folder / "ferrio/startup/site"
    place.mkdir(parents=True)
    shutil.copy(Path(ferrio.startup.SITE) / "sitecustomize.py", place)
    code = "import sys, asyncio; print('ferrio.startup' in sys.modules, asyncio.Task.__module__)"
    path = os.pathsep.join([str(place), str(folder)])
    assert run(folder, f"print(child({code!r}, env=os.environ | {{'PYTHONPATH': {path!r}}}), end='')") == [
        "False _asyncio"
    ]
    # The interpreter that an environment is made of imports from elsewhere.
    code = "import sys, importlib.util as i; print('ferrio.startup' in sys.modules, i.find_spec('ferrio') is not None)"
    program = f"subprocess.run([sys._base_executable, '-c', {code!r}], cwd='/')"
    begun, found = run(folder, program)[0].split()
    assert begun == found


def test_other_interpreters_of_a_process_run_plain_asyncio(folder: Path) -> None:
    # By the names that it has had.
    name = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    pytest.importorskip(name)
    inside = "import helper, asyncio, sys; print(helper.loop(), asyncio.Task.__module__, 'ferrio._core' in sys.modules, flush=True)"
    # 3.12.1 frees twice what another interpreter has left, with and without Ferrio, when the process ends.
    code = f"import os, {name} as i; i.run_string(i.create(), {inside!r}); os._exit(0)"
    program = f"""
    print(loop(), flush=True)
    print(child({code!r}), end="", flush=True)
    exec({code!r})
    """
    assert run(folder, program, path=str(folder)) == ["ferrio.loop", *2 * [f"{THEIRS} _asyncio False"]]


def test_a_process_pool_of_interpreters_runs_plain_asyncio(folder: Path) -> None:
    if sys.version_info < (3, 14):
        pytest.skip("new in 3.14")
    program = """
    if __name__ == "__main__":
        from concurrent.futures import InterpreterPoolExecutor
        with InterpreterPoolExecutor(1) as pool:
            print(*pool.map(loop, range(2)))
    """
    assert run(folder, program, path=str(folder)) == [f"{THEIRS} {THEIRS}"]
