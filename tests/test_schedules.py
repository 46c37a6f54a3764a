"""ferrio.testing: orders that a seed chooses, exploration, shrinking, and the ten planted faults."""

import asyncio
import functools
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ferrio import testing
from ferrio.testing.schedules import Order, parse, shown
from support.planted import FAULTS

FEW = 300


def ids(function):
    return function.__name__


@pytest.mark.parametrize("fault", FAULTS, ids=ids)
def test_a_planted_fault_is_found_shrunk_and_repeated(fault):
    test = functools.partial(fault, False)
    testing.run(test())
    failure = testing.find(test, schedules=1000)
    assert isinstance(failure, testing.Failure)
    assert 1 < failure.number <= 1000
    assert 1 <= len(failure.deviations) <= 3
    assert isinstance(failure.error, testing.DeadlockError | AssertionError)
    # By its deviations, by its seed, and as often as one likes.
    for _ in range(2):
        with pytest.raises(type(failure.error)):
            testing.run(test(), schedule=failure.schedule)
        with pytest.raises(type(failure.error)):
            testing.run(test(), seed=failure.seed)
        with pytest.raises(type(failure.error)):
            testing.run(test(), seed=failure.seed, schedule=failure.schedule)
    # None of them can be left out.
    for at in range(len(failure.deviations)):
        testing.run(test(), schedule=failure.deviations[:at] + failure.deviations[at + 1 :])
    assert f"schedule={failure.schedule!r}" in failure.report
    assert "planted.py" in failure.report and "in the ordinary order" in failure.report


@pytest.mark.parametrize("policy", ["random", "pct"])
@pytest.mark.parametrize("fault", FAULTS, ids=ids)
def test_each_policy_finds_every_planted_fault(fault, policy):
    failure = testing.find(functools.partial(fault, False), policy=policy)
    assert isinstance(failure, testing.Failure) and len(failure.deviations) <= 3


@pytest.mark.parametrize("fault", FAULTS, ids=ids)
def test_the_exhaustive_search_finds_every_planted_fault(fault):
    failure = testing.find(functools.partial(fault, False), deviations=3, schedules=20000)
    assert isinstance(failure, testing.Failure)
    assert failure.policy == "exhaustive" and 1 <= len(failure.deviations) <= 3


@pytest.mark.parametrize("fault", FAULTS, ids=ids)
def test_a_correct_version_passes(fault):
    explored = testing.explore(functools.partial(fault, True), schedules=FEW)
    assert explored.schedules == FEW and explored.orders > 1


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=ids)
def test_a_correct_version_passes_ten_thousand_times(fault):
    testing.explore(functools.partial(fault, True), schedules=10_000)


def test_the_exception_is_the_tests_own_with_a_note():
    async def test():
        first, second = asyncio.create_task(asyncio.sleep(0, 1)), asyncio.create_task(asyncio.sleep(0, 2))
        done, _ = await asyncio.wait({first, second}, return_when=asyncio.FIRST_COMPLETED)
        assert first in done, "the second was faster"

    with pytest.raises(AssertionError, match="the second was faster") as caught:
        testing.explore(test)
    (note,) = caught.value.__notes__
    assert "fewest deviations from the ordinary order that fail:" in note
    assert "The tasks when the test failed" in note


def test_a_test_that_always_fails_needs_no_deviation():
    async def test():
        await asyncio.sleep(1)
        raise ValueError("always")

    failure = testing.find(test)
    assert (failure.number, failure.policy, failure.deviations) == (1, "ordinary", ())
    assert "0" in failure.report and "What ran last" in failure.report


def test_calls_keep_their_order_and_nothing_overtakes_them():
    async def main():
        loop, seen = asyncio.get_running_loop(), []

        async def worker(name):
            loop.call_soon(seen.append, f"{name} 1")
            await asyncio.sleep(0)
            # What was called before has run.
            assert f"{name} 1" in seen
            loop.call_soon(seen.append, f"{name} 2")

        loop.call_soon(seen.append, "first")
        tasks = [loop.create_task(worker(name)) for name in "abc"]
        loop.call_soon(seen.append, "second")
        await asyncio.gather(*tasks)
        await asyncio.sleep(0)
        assert seen.index("first") < seen.index("second")
        for name in "abc":
            assert seen.index(f"{name} 1") < seen.index(f"{name} 2")
        return tuple(seen)

    orders = {testing.run(main(), seed=seed) for seed in range(200)}
    assert len(orders) > 5


def test_locks_stay_fair():
    async def main():
        lock, seen, queued = asyncio.Lock(), [], []

        async def worker(name):
            await asyncio.sleep(0)
            queued.append(name)
            async with lock:
                seen.append(name)
                await asyncio.sleep(0.01)

        await asyncio.gather(*map(worker, range(5)))
        assert seen == queued
        return tuple(seen)

    assert len({testing.run(main(), seed=seed) for seed in range(100)}) > 10


def test_no_task_is_starved():
    async def main():
        stop = asyncio.Event()

        async def busy():
            while not stop.is_set():
                await asyncio.sleep(0)

        async def last():
            for _ in range(20):
                await asyncio.sleep(0)
            stop.set()

        await asyncio.gather(busy(), busy(), last())

    for seed in range(100):
        testing.run(main(), seed=seed)


def test_a_seed_gives_the_same_run_on_every_time_and_seeds_random():
    async def main():
        seen = []

        async def worker(name):
            for _ in range(3):
                await asyncio.sleep(random.choice([0, 0.01, 0.01]))
                seen.append((name, random.random()))

        await asyncio.gather(*map(worker, range(4)))
        return seen

    random.seed(5)
    state = random.getstate()
    runs = [testing.run(main(), seed=seed) for seed in range(30)]
    assert runs == [testing.run(main(), seed=seed) for seed in range(30)]
    assert len({str(run) for run in runs}) > 20
    assert random.getstate() == state


def test_what_is_no_failure_ends_the_exploration():
    class Skipped(BaseException):
        pass

    runs = []

    async def test():
        runs.append(1)
        raise Skipped

    with pytest.raises(Skipped):
        testing.explore(test)
    assert len(runs) == 1


def test_the_numbers_of_orders_and_schedules():
    async def alone():
        await asyncio.sleep(1)

    assert testing.explore(alone, schedules=5) == testing.Exploration(schedules=5, orders=1)
    assert testing.explore(alone, deviations=4) == testing.Exploration(schedules=1, orders=1)

    async def two():
        await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))

    explored = testing.explore(two, deviations=1)
    assert 2 <= explored.orders == explored.schedules < 100


def test_bad_arguments_of_an_exploration():
    async def test():
        pass

    for options, error in (
        ({"schedules": 0}, ValueError),
        ({"schedules": 1.5}, TypeError),
        ({"deviations": -1}, ValueError),
        ({"deviations": True}, TypeError),
        ({"first_seed": "1"}, TypeError),
        ({"policy": "none"}, ValueError),
        ({"clock": "slow"}, ValueError),
        ({"network": "none"}, ValueError),
    ):
        with pytest.raises(error):
            testing.explore(test, **options)
    for thing in (None, test(), 5):
        with pytest.raises(TypeError, match="function that returns a coroutine"):
            testing.explore(thing)
    with pytest.raises(TypeError, match="in place of a coroutine"):
        testing.explore(lambda: None)


def test_the_texts_of_schedules():
    assert parse("3:1 8:2") == ((3, 1), (8, 2))
    assert parse("") == () and shown(((3, 1), (8, 2))) == "3:1 8:2"
    assert Order.of_deviations([(8, 2), (3, 1)]).deviations == ((3, 1), (8, 2))
    for bad in ("3", "3:", "a:1", "3:-1", "٣:1", "3:1,8:2"):
        with pytest.raises(ValueError, match="schedule looks like"):
            parse(bad)


PLUGIN = """
import asyncio, pytest

runs = []

@pytest.mark.ferrio(schedules=50)
async def test_many(tmp_path):
    runs.append(tmp_path)
    await asyncio.sleep(3600)

def test_ran():
    assert len(runs) == 50

@pytest.mark.ferrio(schedules=100)
async def test_race():
    done, _ = await asyncio.wait(
        [asyncio.ensure_future(asyncio.sleep(1)), asyncio.ensure_future(asyncio.sleep(1))],
        return_when=asyncio.FIRST_COMPLETED,
    )
    seen = []
    async def worker(name):
        await asyncio.sleep(1)
        seen.append(name)
    await asyncio.gather(worker(1), worker(2))
    assert seen == [1, 2]

@pytest.mark.ferrio
def test_not_async():
    pass

@pytest.mark.ferrio
async def test_skipped():
    pytest.skip("not today")

@pytest.mark.ferrio
async def test_failed():
    pytest.fail("by hand")

@pytest.mark.ferrio(seed=3)
@pytest.mark.parametrize("number", [1, 2])
async def test_once(number):
    assert number
"""


def test_the_plugin_of_pytest(tmp_path):
    (tmp_path / "test_it.py").write_text(PLUGIN)

    def pytest_run(*arguments):
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
        return subprocess.run(
            [*command, *arguments, str(tmp_path)], cwd=tmp_path, capture_output=True, text=True, timeout=100
        ).stdout

    text = pytest_run()
    assert "3 failed, 4 passed, 1 skipped" in text, text
    assert "ferrio.testing: schedule" in text and "To repeat it: run(..., seed=" in text
    assert "a test marked ferrio is an async def" in text and "by hand" in text
    assert "1 failed" in pytest_run("--ferrio-schedules=1", "-k", "many or race or failed")
    # One run each.
    assert "1 failed, 1 passed" in pytest_run("--ferrio-seed=0", "-k", "many or ran")


GUIDE = Path(__file__).parents[1] / "docs/testing.md"


def test_the_guide_shows_a_race_and_its_remedy(tmp_path):
    """The example, tried as the guide says."""
    (example,) = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    file = tmp_path / "test_account.py"
    file.write_text(example)

    def outcome(*arguments):
        return subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "-p",
                "no:cacheprovider",
                *arguments,
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=100,
        ).stdout

    assert "1 passed" in outcome("--ferrio-schedules=1")
    failure = outcome()
    assert "assert -60 == 20" in failure and "The fewest deviations" in failure, failure
    remedied = example.replace(
        "    balance = 100\n",
        "    balance = 100\n\n    def __init__(self):\n        self.lock = asyncio.Lock()\n",
    )
    body = "        if self.balance >= amount:\n            await asyncio.sleep(0.01)  # the bank answers\n"
    body += "            self.balance -= amount\n"
    indented = "".join(f"    {line}\n" for line in body.splitlines())
    assert body in remedied
    file.write_text(remedied.replace(body, f"        async with self.lock:\n{indented}"))
    assert "1 passed" in outcome()
