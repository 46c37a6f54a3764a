"""`@pytest.mark.ferrio` beside other plugins: async fixtures, pytest-asyncio, anyio, hypothesis, xdist."""

import importlib.util

import pytest
from support.suites import run_pytest

# pytest-asyncio warns when it is not told the scope of its loops, and hypothesis when trio is there, on some versions.
QUIET = ("-W", "ignore::pytest.PytestDeprecationWarning", "-W", "ignore:It looks like `register_random`")


def run(folder, text, *arguments, plugins=()):
    """Return what a run of pytest prints for a file."""
    (folder / "test_it.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\n")
    done = run_pytest(folder, "-W", "error", *arguments, "test_it.py", plugins=plugins)
    return done.stdout + done.stderr


def needs(module):
    return pytest.mark.skipif(importlib.util.find_spec(module) is None, reason=f"{module} is not installed")


FIXTURES = """
import asyncio, pytest
from ferrio import testing

log = []

@pytest.fixture
async def database():
    await asyncio.sleep(3600)
    loop = asyncio.get_running_loop()
    log.append("open")
    yield loop
    await asyncio.sleep(3600)
    assert asyncio.get_running_loop() is loop
    log.append("closed")

@pytest.fixture(autouse=True)
async def always_there(database):
    log.append("autouse")

@pytest.fixture
async def table(database, tmp_path):
    return (database, tmp_path)

@pytest.mark.ferrio(schedules=3)
async def test_function(table, database):
    assert table[0] is database is asyncio.get_running_loop()
    log.append("test")

def test_order():
    assert log == ["open", "autouse", "test", "closed"] * 3

class TestClass:
    @pytest.fixture
    async def own(self):
        return self

    @pytest.mark.ferrio(schedules=2)
    async def test_method(self, own):
        assert own is self

@pytest.mark.ferrio
async def test_fails_and_is_cleaned(database):
    log.clear()
    raise ZeroDivisionError

def test_was_cleaned():
    assert log[-1] == "closed"
"""


def test_async_fixtures_are_made_for_each_order(tmp_path):
    # Those of plain tests are pytest's own affair: the file's autouse fixture is async.
    text = FIXTURES.replace("(autouse=True)", "")
    text = text.replace('"open", "autouse", "test"', '"open", "test"')
    output = run(tmp_path, text)
    assert "1 failed, 4 passed" in output and "ZeroDivisionError" in output, output
    # Reports name the test, and not what makes its fixtures.
    assert "test_fails_and_is_cleaned" in output.split("The tasks when the test failed")[1], output
    assert "_with_fixtures" not in output.split("What ran last")[1], output


REFUSED = """
import pytest

@pytest.fixture(scope="module")
async def wide():
    return 1

@pytest.fixture
async def narrow():
    return 1

@pytest.fixture
def plain(narrow):
    return narrow

@pytest.fixture
async def twice():
    yield 1
    yield 2

@pytest.mark.ferrio
async def test_wide(wide): pass

@pytest.mark.ferrio
async def test_plain(plain): pass

@pytest.mark.ferrio
async def test_twice(twice): pass

@pytest.mark.ferrio(5)
async def test_positional(): pass
"""


def test_fixtures_that_cannot_be_made_are_refused(tmp_path):
    output = run(tmp_path, REFUSED)
    assert "2 failed, 2 errors" in output, output
    assert "the async fixture 'wide' has the scope 'module'" in output
    assert "the fixture 'plain' is not async, and needs the async fixture 'narrow'" in output
    assert "the fixture 'twice' has more than one yield" in output
    assert "takes keyword arguments only" in output


OTHERS = """
import asyncio, pytest
from ferrio.testing.simulation import SimulatedLoop

pytestmark = pytest.mark.{marker}
{before}
runs = []

@pytest.fixture
async def value():
    await asyncio.sleep(3600)
    return asyncio.get_running_loop()

@pytest.mark.ferrio(schedules=5)
async def test_simulated(value{argument}):
    assert value is asyncio.get_running_loop()
    assert isinstance(asyncio.get_running_loop(), SimulatedLoop)
    runs.append(1)
    await asyncio.sleep(3600)

async def test_not_marked({argument_alone}):
    assert not isinstance(asyncio.get_running_loop(), SimulatedLoop)
    assert len(runs) == 5
"""

BACKEND = """
@pytest.fixture
def anyio_backend():
    return "asyncio"
"""


@needs("pytest_asyncio")
@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_tests_of_pytest_asyncio(tmp_path, mode):
    text = OTHERS.format(marker="asyncio", before="", argument="", argument_alone="")
    output = run(
        tmp_path,
        text,
        f"--asyncio-mode={mode}",
        *QUIET,
        plugins=["pytest_asyncio"],
    )
    assert "2 passed" in output, output


@needs("anyio")
def test_tests_of_anyio(tmp_path):
    text = OTHERS.format(
        marker="anyio", before=BACKEND, argument=", anyio_backend", argument_alone="anyio_backend"
    )
    output = run(tmp_path, text, plugins=["anyio"])
    assert "2 passed" in output, output


DRAWN = """
import asyncio, pytest
from hypothesis import given, settings, strategies as st
from ferrio import testing

runs = []
quick = settings(max_examples=10, deadline=None, database=None, derandomize=True)

async def lost_update(workers):
    counter = 0
    async def add(turns):
        nonlocal counter
        for _ in range(turns):
            await asyncio.sleep(0)
        value = counter
        await asyncio.sleep(0)
        counter = value + 1
    await asyncio.gather(*(add(2 * number) for number in range(workers)))
    assert counter == workers

@quick
@given(workers=st.integers(1, 3))
@pytest.mark.ferrio(schedules=5)
async def test_marked(workers):
    runs.append(workers)
    await asyncio.sleep(3600)

def test_ran():
    assert len(runs) >= 15 and len(runs) % 5 == 0 and set(runs) == {1, 2, 3}

@quick
@given(workers=st.integers(2, 4))
@pytest.mark.ferrio(schedules=200)
async def test_lost_update(workers):
    await lost_update(workers)

@settings(quick, max_examples=100)
@given(seed=st.integers(0, 2**63 - 1))
def test_drawn_seed(seed):
    testing.run(lost_update(3), seed=seed)

@settings(quick, max_examples=100)
@given(schedule=st.dictionaries(st.integers(0, 20), st.integers(1, 2), max_size=3))
def test_drawn_schedule(schedule):
    testing.run(lost_update(3), schedule=schedule.items())
"""


@needs("hypothesis")
@pytest.mark.slow
@pytest.mark.parametrize("plugins", [[], ["pytest_asyncio", "anyio"]], ids=["alone", "among others"])
def test_tests_of_hypothesis(tmp_path, plugins):
    arguments = ["--asyncio-mode=auto", *QUIET] if plugins else QUIET
    output = run(tmp_path, DRAWN, *arguments, plugins=plugins)
    assert "3 failed, 2 passed" in output, output
    assert "workers=2" in output and "To repeat it: run(..., seed=" in output and "seed=" in output


SHARED = """
import asyncio, pytest

@pytest.mark.ferrio(schedules=20)
@pytest.mark.parametrize("number", range(4))
async def test_many(number, tmp_path):
    seen = []
    async def worker(name):
        await asyncio.sleep(1)
        seen.append(name)
    await asyncio.gather(worker(1), worker(2))
    assert seen == [1, 2] or number % 2
"""


@pytest.mark.slow
@needs("xdist")
def test_the_processes_of_xdist(tmp_path):
    """A failure of another process has the same report as one of this process."""
    here = run(tmp_path, SHARED)
    spread = run(tmp_path, SHARED, "-n2", plugins=["xdist"])
    assert "2 failed, 2 passed" in here and "2 failed, 2 passed" in spread, here + spread

    def reports(output):
        return sorted(
            line
            for line in output.splitlines()
            # Not those of the summary, which is longer where CI is set.
            if line.startswith("E ") and ("To repeat it" in line or "ferrio.testing:" in line)
        )

    assert reports(here) == reports(spread) and len(reports(here)) == 4
    once = run(tmp_path, SHARED, "--ferrio-seed=0", "-n2", plugins=["xdist"])
    assert "passed" in once and "To repeat it" not in once
