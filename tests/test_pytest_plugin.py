"""pytest --ferrio: test suites that know nothing of Ferrio run on it, and what they choose themselves stays.

This file has more than 400 lines because it contains the suites that it runs, as texts.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# Tests in all the ways in which a suite runs coroutines. Each passes on Ferrio alone.
SUITE = """
import asyncio, unittest
import pytest

def is_on_ferrio():
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    return (type(loop).__module__, type(task).__module__) == ("ferrio.loop", "ferrio._core")

@pytest.fixture
def anyio_backend():
    return "asyncio"

class TestUnittest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        assert is_on_ferrio()

    async def test_unittest(self):
        assert is_on_ferrio()

def test_run():
    async def main():
        return is_on_ferrio()
    assert asyncio.run(main())

def test_names():
    import ferrio
    assert asyncio.Queue is ferrio.Queue
"""

PYTEST_ASYNCIO = """
@pytest.fixture
async def value():
    assert is_on_ferrio()
    yield 7

@pytest.mark.asyncio
async def test_pytest_asyncio(value):
    assert is_on_ferrio() and value == 7
"""

ANYIO = """
@pytest.mark.anyio
async def test_anyio():
    assert is_on_ferrio()
"""

# pytest-asyncio warns when it is not told.
INI = "[pytest]\nasyncio_default_fixture_loop_scope = function\nasyncio_mode = auto\n"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def needs(*modules: str) -> pytest.MarkDecorator:
    """Skip a test if a module is not installed."""
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Write the files of a suite, by their names without .py; run pytest on it, with warnings as errors."""

    def run(
        *options: str, ini: str = "[pytest]\n", python: tuple[str, ...] = (), **files: str
    ) -> subprocess.CompletedProcess[str]:
        (tmp_path / "pytest.ini").write_text(ini)
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(textwrap.dedent(text))
        command = [sys.executable, *python, "-m", "pytest", "-W", "error", "-p", "no:cacheprovider", *options]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100)

    return run


def slow(*values: object) -> Any:
    return pytest.param(*values, marks=pytest.mark.slow)


def others() -> tuple[str, ...]:
    """Leave out the plugins that warn when their options are not set."""
    return ("-p", "no:asyncio", "-p", "no:anyio")


def passed(done: subprocess.CompletedProcess[str], count: int) -> bool:
    return done.returncode == 0 and f"{count} passed" in done.stdout and "warning" not in done.stdout


def test_pytest_finds_the_plugin() -> None:
    points = importlib.metadata.distribution("ferrio").entry_points
    assert [(point.name, point.value) for point in points if point.group == "pytest11"] == [
        ("ferrio", "pytest_ferrio"),
        ("ferrio-schedules", "pytest_ferrio.schedules"),
    ]


@pytest.mark.parametrize(
    ("options", "ini"),
    [
        (("--ferrio",), ""),
        ((), "asyncio_loop = ferrio"),
        slow(("--ferrio", "--ferrio"), ""),
        slow(("--ferrio",), "asyncio_loop = asyncio"),
        slow(("-o", "asyncio_loop=ferrio"), ""),
        slow(("-p", "ferrio", "--ferrio"), "addopts = --ferrio"),
    ],
)
def test_a_suite_runs_on_ferrio(run: Run, options: tuple[str, ...], ini: str) -> None:
    done = run(*others(), *options, ini=f"[pytest]\n{ini}\n", test_suite=SUITE)
    assert passed(done, 3), done.stdout + done.stderr
    assert "asyncio: Ferrio " in done.stdout


@needs("pytest_asyncio", "anyio")
def test_suites_of_pytest_asyncio_and_anyio_run_on_ferrio(run: Run) -> None:
    done = run("--ferrio", ini=INI, test_suite=SUITE + PYTEST_ASYNCIO + ANYIO)
    assert passed(done, 5), done.stdout + done.stderr


@pytest.mark.slow
@needs("pytest_asyncio", "anyio")
@pytest.mark.parametrize("scope", ["module", "session"])
def test_loops_of_a_wider_scope_are_ferrios(run: Run, scope: str) -> None:
    suite = SUITE + PYTEST_ASYNCIO.replace("mark.asyncio", f"mark.asyncio(loop_scope={scope!r})")
    suite = suite.replace(
        "@pytest.fixture\nasync", f"@__import__('pytest_asyncio').fixture(loop_scope={scope!r})\nasync"
    )
    done = run("--ferrio", ini=INI, test_suite=suite)
    assert passed(done, 4), done.stdout + done.stderr


@pytest.mark.slow
@needs("xdist", "pytest_asyncio", "anyio")
def test_the_processes_of_xdist_run_on_ferrio(run: Run) -> None:
    done = run("--ferrio", "-n", "2", ini=INI, test_suite=SUITE + PYTEST_ASYNCIO + ANYIO)
    assert passed(done, 5), done.stdout + done.stderr


@pytest.mark.slow
def test_names_that_a_conftest_takes_from_asyncio_are_ferrios(run: Run) -> None:
    conftest = "from asyncio import Queue, Task, run\nimport ferrio\nassert (Queue, Task) == (ferrio.Queue, ferrio.Task)"
    done = run(*others(), "--ferrio", conftest=conftest, test_suite=SUITE)
    assert passed(done, 3), done.stdout + done.stderr


@pytest.mark.slow
def test_a_program_of_python_m_ferrio_may_be_pytest(run: Run) -> None:
    # Ferrio is imported before pytest looks for the packages whose assertions it rewrites.
    for options in ((), ("--ferrio",)):
        done = run(*others(), *options, python=("-m", "ferrio"), test_suite="import asyncio\n" + SUITE)
        assert passed(done, 3), done.stdout + done.stderr


@pytest.mark.slow
def test_a_program_that_has_imported_ferrio_may_run_pytest(tmp_path: Path) -> None:
    (tmp_path / "test_suite.py").write_text(SUITE)
    code = """
        import ferrio, pytest, sys
        for _ in range(2):
            assert pytest.main(["--ferrio", *sys.argv[1:]]) == 0
            assert not ferrio.installed()
    """
    command = [sys.executable, "-c", textwrap.dedent(code), "-W", "error", *others()]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stdout.count("3 passed") == 2, done.stdout + done.stderr


@pytest.mark.slow
def test_without_the_option_nothing_of_ferrio_is_imported(run: Run) -> None:
    suite = """
        import asyncio, sys

        def test_it():
            assert not [name for name in sys.modules if name.split(".")[0] == "ferrio"]
            async def main():
                return type(asyncio.get_running_loop()).__module__
            assert asyncio.run(main()) == "asyncio.unix_events"
    """
    for ini in ("", "asyncio_loop = asyncio", "asyncio_loop ="):
        done = run(*others(), ini=f"[pytest]\n{ini}\n", test_suite=suite)
        assert ("Ferrio" in done.stdout, done.stderr) == (False, "")
        assert passed(done, 1) or ini.endswith("="), done.stdout


def test_the_plugin_imports_little() -> None:
    code = "import pytest, sys; before = set(sys.modules); import pytest_ferrio.schedules; print(*sorted(set(sys.modules) - before))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == [
        "pytest_ferrio",
        "pytest_ferrio.schedules",
    ]


@pytest.mark.slow
def test_an_unknown_loop_in_the_ini_is_refused(run: Run) -> None:
    done = run(*others(), ini="[pytest]\nasyncio_loop = trio\n", test_suite=SUITE)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "asyncio_loop is 'trio' in the ini, and should be one of: asyncio, ferrio" in done.stderr


@pytest.mark.slow
def test_a_run_inside_of_a_running_loop_is_refused(tmp_path: Path) -> None:
    (tmp_path / "test_suite.py").write_text(SUITE)
    code = """
        import asyncio, pytest, sys
        async def main():
            return pytest.main(["--ferrio", *sys.argv[1:]])
        print(asyncio.run(main()) == pytest.ExitCode.USAGE_ERROR)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), *others()]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert "ferrio.install() cannot be called from a running event loop" in done.stderr
    assert done.stdout.splitlines()[-1] == "True"


# What a suite chooses itself


# asyncio's own loop, which is not among asyncio's names any longer.
THEIRS = """
import asyncio
from ferrio.installation import originals

class TheirLoop(originals["SelectorEventLoop"]):
    pass

class Policy(asyncio.DefaultEventLoopPolicy):
    _loop_factory = TheirLoop

def is_on_theirs():
    return type(asyncio.get_running_loop()) is TheirLoop
"""

# Policies are deprecated.
POLICIES = ("-W", "ignore::DeprecationWarning")


@pytest.mark.slow
@needs("pytest_asyncio")
def test_a_policy_of_the_suites_own_fixture_wins_and_is_named(run: Run) -> None:
    if not hasattr(pytest.importorskip("pytest_asyncio.plugin"), "event_loop_policy"):
        pytest.skip("this pytest-asyncio has no such fixture")
    conftest = """
        import pytest, theirs

        @pytest.fixture
        def event_loop_policy():
            return theirs.Policy()
    """
    suite = """
        import theirs

        async def test_one():
            assert theirs.is_on_theirs()
        async def test_two():
            assert theirs.is_on_theirs()
        def test_three():
            pass
    """
    # The fixture is deprecated too.
    ignored = ("-W", "ignore")
    done = run("--ferrio", *ignored, ini=INI, theirs=THEIRS, conftest=conftest, test_suite=suite)
    assert passed(done, 3), done.stdout + done.stderr
    assert "ferrio: 2 tests ran on theirs.TheirLoop, as the tests want it" in done.stdout


@pytest.mark.slow
@needs("pytest_asyncio", "xdist")
@pytest.mark.parametrize("processes", ["0", "2"])
def test_loop_factories_of_the_suite_win_and_are_named(run: Run, processes: str) -> None:
    plugin = pytest.importorskip("pytest_asyncio.plugin")
    if not hasattr(plugin.PytestAsyncioSpecs, "pytest_asyncio_loop_factories"):
        pytest.skip("this pytest-asyncio has no loop factories")
    conftest = """
        import ferrio, theirs

        def pytest_asyncio_loop_factories(config, item):
            return {"theirs": theirs.TheirLoop, "ours": ferrio.Loop}
    """
    suite = """
        import theirs

        async def test_one(request):
            assert theirs.is_on_theirs() == ("theirs" in request.node.name)
    """
    done = run(
        "--ferrio", *POLICIES, "-n", processes, ini=INI, theirs=THEIRS, conftest=conftest, test_suite=suite
    )
    assert passed(done, 2), done.stdout + done.stderr
    assert "ferrio: 1 test ran on theirs.TheirLoop, as the tests want it" in done.stdout


@pytest.mark.slow
def test_a_loop_of_a_fixture_wins_and_is_named(run: Run) -> None:
    suite = """
        import asyncio, pytest, theirs
        from unittest import mock

        @pytest.fixture
        def event_loop():
            loop = theirs.TheirLoop()
            yield loop
            loop.close()

        @pytest.fixture
        def odd():
            return mock.MagicMock(spec=asyncio.AbstractEventLoop)

        async def work():
            return theirs.is_on_theirs()

        def test_one(event_loop):
            assert event_loop.run_until_complete(work())
        def test_two(odd):
            assert not asyncio.run(work())
    """
    done = run(*others(), "--ferrio", *POLICIES, theirs=THEIRS, test_suite=suite)
    assert passed(done, 2), done.stdout + done.stderr
    assert "ferrio: 1 test ran on theirs.TheirLoop, as the tests want it" in done.stdout


@pytest.mark.slow
def test_a_policy_that_a_conftest_sets_wins_and_is_named(run: Run) -> None:
    suite = """
        import unittest, theirs

        class TestUnittest(unittest.IsolatedAsyncioTestCase):
            async def test_one(self):
                assert theirs.is_on_theirs() is EXPECTED
    """
    for policy, wins in (("theirs.Policy", True), ("ferrio.EventLoopPolicy", False)):
        conftest = f"import asyncio, ferrio, theirs\nasyncio.set_event_loop_policy({policy}())"
        text = suite.replace("EXPECTED", str(wins))
        done = run(*others(), "--ferrio", *POLICIES, theirs=THEIRS, conftest=conftest, test_suite=text)
        assert passed(done, 1), done.stdout + done.stderr
        line = "ferrio: 1 test ran with the event loop policy theirs.Policy, as the tests want it"
        assert (line in done.stdout) is ("as the tests want it" in done.stdout) is wins


@pytest.mark.slow
@pytest.mark.skipif(sys.version_info < (3, 13), reason="the class has no loop factory")
def test_the_loop_factory_of_a_test_case_wins_and_is_named(run: Run) -> None:
    suite = """
        import unittest, ferrio, theirs

        class TestTheirs(unittest.IsolatedAsyncioTestCase):
            loop_factory = theirs.TheirLoop
            async def test_one(self):
                assert theirs.is_on_theirs()

        class TestOurs(unittest.IsolatedAsyncioTestCase):
            loop_factory = staticmethod(ferrio.new_event_loop)
            async def test_one(self):
                assert not theirs.is_on_theirs()
    """
    done = run(*others(), "--ferrio", *POLICIES, theirs=THEIRS, test_suite=suite)
    assert passed(done, 2), done.stdout + done.stderr
    assert "ferrio: 1 test ran on the loops of theirs.TheirLoop, as the tests want it" in done.stdout


@pytest.mark.slow
@needs("anyio", "trio")
def test_another_backend_of_anyio_is_named(run: Run) -> None:
    suite = """
        import pytest, ferrio, theirs

        @pytest.fixture(params=["trio", "asyncio", ("asyncio", {"loop_factory": theirs.TheirLoop}),
                                ("asyncio", {"loop_factory": ferrio.Loop}), ("asyncio", {"debug": True})])
        def anyio_backend(request):
            return request.param

        @pytest.mark.anyio
        async def test_it(anyio_backend):
            if anyio_backend != "trio":
                options = anyio_backend[1] if isinstance(anyio_backend, tuple) else {}
                assert theirs.is_on_theirs() == (options.get("loop_factory") is theirs.TheirLoop)
    """
    done = run("--ferrio", "-p", "no:asyncio", *POLICIES, theirs=THEIRS, test_suite=suite)
    assert passed(done, 5), done.stdout + done.stderr
    assert "ferrio: 1 test ran on trio, as the tests want it" in done.stdout
    assert "ferrio: 1 test ran on the loops of theirs.TheirLoop, as the tests want it" in done.stdout


# Runs in the process of another run


INNER = """
ARGUMENTS = ["-p", "no:asyncio", "-p", "no:anyio", "-p", "no:cacheprovider"]

SUITE = '''
import asyncio
def test_it():
    async def main():
        return type(asyncio.get_running_loop()).__module__
    with open("loop.txt", "w") as file:
        file.write(asyncio.run(main()))
'''

def loop_of_a_run(pytester, *options):
    pytester.makepyfile(SUITE)
    pytester.runpytest_inprocess(*ARGUMENTS, *options).assert_outcomes(passed=1)
    return (pytester.path / "loop.txt").read_text()
"""

HAS_IMPORTED_ASYNCIO = """
import asyncio, inner

async def module():
    return type(asyncio.get_running_loop()).__module__

def test_runs(pytester):
    for _ in range(3):
        assert inner.loop_of_a_run(pytester, "--ferrio") == "ferrio.loop"
        assert inner.loop_of_a_run(pytester) == "asyncio.unix_events"
        assert asyncio.run(module()) == "asyncio.unix_events"
"""

HAS_NOT_IMPORTED_ASYNCIO = """
import inner, sys

def test_runs(pytester):
    # pdb, which pytest imports, has imported it in newer versions.
    for name in [name for name in sys.modules if name.split(".")[0] == "asyncio"]:
        del sys.modules[name]
    for _ in range(3):
        assert inner.loop_of_a_run(pytester, "--ferrio") == "ferrio.loop"
        assert inner.loop_of_a_run(pytester) == "asyncio.unix_events"
        assert "asyncio" not in sys.modules
"""

IS_ON_FERRIO = """
import asyncio, ferrio, inner

def test_runs(pytester):
    for _ in range(2):
        assert inner.loop_of_a_run(pytester, "--ferrio") == "ferrio.loop"
        assert asyncio.Task is ferrio.Task
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("suite", "options"),
    [(HAS_IMPORTED_ASYNCIO, ()), (HAS_NOT_IMPORTED_ASYNCIO, ()), (IS_ON_FERRIO, ("--ferrio",))],
)
def test_a_run_in_the_process_of_another_leaves_asyncio_as_it_was(
    run: Run, suite: str, options: tuple[str, ...]
) -> None:
    conftest = 'pytest_plugins = "pytester"'
    done = run(*others(), *options, conftest=conftest, inner=INNER, test_suite=suite)
    assert passed(done, 1), done.stdout + done.stderr
