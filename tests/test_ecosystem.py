"""What `scripts/ecosystem` says of other packages' tests: that it sees a difference, a crash and a hang."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from ecosystem import judging, report  # noqa: E402
from ecosystem.environments import PINS, Environment  # noqa: E402
from ecosystem.running import MODES, Run, run_tests  # noqa: E402
from ecosystem.suites import QUICK, SUITES, Suite  # noqa: E402
from ecosystem.users import User  # noqa: E402

# A suite of its own kind: each test does on asyncio and on Ferrio what its name says.
TESTS = """
import asyncio, os, signal, subprocess, sys, time
import pytest

def ferrio():
    loop = asyncio.new_event_loop()
    loop.close()
    return type(loop).__module__.startswith("ferrio")

def installed():
    return asyncio.Queue.__base__ is not asyncio.mixins._LoopBoundMixin

def test_passes(): pass
def test_fails(): assert False
def test_fails_on_ferrio(): assert not ferrio()
def test_fails_installed(): assert not installed()
def test_fails_on_asyncio(): assert ferrio()
def test_skipped_on_ferrio():
    if ferrio(): pytest.skip("Ferrio")
@pytest.mark.xfail
def test_is_expected_to_fail(): assert False
@pytest.fixture
def broken():
    yield
    assert not ferrio()
def test_fails_at_its_end(broken): pass
@pytest.mark.parametrize("text", ["a b", "[", "\\u00e4", "::"])
def test_odd_names(text): assert not ferrio()
def test_dies_on_ferrio():
    if ferrio(): os.kill(os.getpid(), signal.SIGSEGV)
def test_hangs_on_ferrio():
    if ferrio(): signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM}); time.sleep(1000)
def test_after_it(): pass
def test_uses_the_processor():
    start = time.process_time()
    while time.process_time() - start < 0.2: pass
"""


class Own(Environment):
    """An environment that is there already: this interpreter's."""

    def __init__(self, folder: Path, limit: int) -> None:
        super().__init__(Suite("own", "1", (), limit=limit), sys.executable, folder)
        self.source = folder
        self.python = Path(sys.executable)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    folder = tmp_path_factory.mktemp("suite")
    (folder / "test_own.py").write_text(TESTS)
    environment = Own(folder, limit=30)
    return {mode: own(environment, mode, ["test_own.py"]) for mode in MODES}


def own(environment: Environment, mode: str, tests: list[str]) -> Run:
    return run_tests(environment, User(), mode, tests, [], environment.variables())


@pytest.mark.timeout(300)
@pytest.mark.slow
def test_every_kind_of_outcome(runs: dict[str, Run]) -> None:
    names = {
        mode: {test.partition("::")[2]: outcome for test, outcome in run.outcomes.items()}
        for mode, run in runs.items()
    }
    common = {
        "test_passes": "passed",
        "test_after_it": "passed",
        "test_uses_the_processor": "passed",
        "test_fails": "failed",
        "test_is_expected_to_fail": "xfailed",
    }
    for mode, outcomes in names.items():
        bad = "passed" if mode == "asyncio" else "failed"
        odd = [name for name in outcomes if name.startswith("test_odd_names[")]
        assert len(odd) == 4
        assert outcomes == {
            **common,
            "test_fails_on_ferrio": bad,
            "test_fails_at_its_end": bad,
            **dict.fromkeys(odd, bad),
            "test_fails_installed": "failed" if mode == "installed" else "passed",
            "test_fails_on_asyncio": "failed" if mode == "asyncio" else "passed",
            "test_skipped_on_ferrio": "passed" if mode == "asyncio" else "skipped",
            "test_dies_on_ferrio": "passed" if mode == "asyncio" else "crashed",
            "test_hangs_on_ferrio": "passed" if mode == "asyncio" else "hung",
        }
        assert runs[mode].cpu > 0.2
    assert len(judging.differing(runs["asyncio"], runs["loop"])) == 9
    assert len(judging.differing(runs["asyncio"], runs["installed"])) == 10


def outcomes(**tests: str) -> Run:
    return Run({f"t.py::{name}": outcome for name, outcome in tests.items()})


def judged(main: Run, **again: list[str]) -> tuple[list[str], list[str]]:
    """Judge test `x`; `again` has its outcomes in later runs for each mode, of which the fourth is with its file."""
    left = {mode: list(runs) for mode, runs in again.items()}
    found = judging.differing(outcomes(x="passed"), main)
    return judging.confirmed(found, "loop", lambda mode, tests: outcomes(x=left[mode].pop(0)))


P, F = "passed", "failed"


@pytest.mark.timeout(120)
@pytest.mark.slow
def test_a_child_that_a_test_leaves_does_not_hold_up_the_run(tmp_path: Path) -> None:
    (tmp_path / "test_own.py").write_text(
        "import multiprocessing, time\n"
        "def test_leaves(): multiprocessing.get_context('fork').Process(target=time.sleep, args=(1000,)).start()\n"
    )
    start = time.monotonic()
    run = own(Own(tmp_path, limit=100), "asyncio", ["test_own.py"])
    assert run.outcomes == {"test_own.py::test_leaves": "passed"}
    assert time.monotonic() - start < 100


@pytest.mark.parametrize(
    ("loop", "asyncio", "differs"),
    [
        ([F, F, F], [P, P, P], True),
        ([F, P, F], [P, P, P], True),
        ([F, P, P], [P, P, P], False),
        ([F, F, F], [P, F, P], False),
        ([P, P, P, F], [P, P, P, P], True),
        ([P, P, P, P], [P, P, P, P], False),
        ([P, P, P, F], [P, P, P, F], False),
        (["skipped"] * 3, [P, P, P], True),
    ],
)
def test_a_flaky_test_does_not_count(loop: list[str], asyncio: list[str], differs: bool) -> None:
    found, flaky = judged(outcomes(x=F), loop=loop, asyncio=asyncio)
    assert (found, flaky) == ((["t.py::x"], []) if differs else ([], ["t.py::x"]))


def test_a_missing_test_differs() -> None:
    assert judging.differing(outcomes(x=P, y=F, z="skipped"), Run()) == ["t.py::x"]


def test_the_worst_outcome_of_a_test_counts() -> None:
    run = Run()
    for outcome in ("passed", "failed", "passed", "skipped"):
        run.note("t", outcome, outcome)
    assert run.outcomes == {"t": "failed"}


def test_known_differences_have_reasons_and_are_few() -> None:
    known = judging.known_differences()
    assert len(known) <= 10
    for name, reason in known.items():
        suite, _, test = name.partition(": ")
        assert suite in SUITES, name
        assert "::" in test, name
        assert reason, name
        assert judging.reason_of(suite, f"{test.partition('[')[0]}[anything]") == (
            None if "[" in test else reason
        )


def test_every_version_is_pinned() -> None:
    assert {path.stem for path in PINS.iterdir()} == set(SUITES)
    for name, suite in SUITES.items():
        lines = (PINS / f"{name}.txt").read_text().splitlines()
        assert all(re.fullmatch(r"[\w.-]+==[\w.!+]+", line) for line in lines), name
        canonical = {line.replace("_", "-").lower() for line in lines}
        assert f"{name}=={suite.version}" in canonical
        assert "ferrio" not in {line.partition("==")[0] for line in canonical}
    assert set(QUICK) <= set(SUITES)


def test_the_document_is_that_of_the_data() -> None:
    import json

    assert report.DOCUMENT.read_text() == report.document(json.loads(report.DATA.read_text()))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--suites", "nothing"], "'nothing' is none of janus"),
        (["--modes", "uvloop"], "'uvloop' is none of asyncio"),
    ],
)
def test_a_wrong_name_is_told(options: list[str], message: str) -> None:
    command = [sys.executable, str(ROOT / "scripts/ecosystem"), sys.executable, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert message in done.stderr
