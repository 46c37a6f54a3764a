"""Running a suite, or some of its tests, in one mode."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from .environments import Environment
from .users import User

# What the tests run on. `plugins/ferrio_mode.py` does it.
MODES = {
    "asyncio": "stock asyncio",
    "installed": "`ferrio.install()`",
    "loop": "Ferrio as the loop (event loop policy)",
}
# A test has the worst of what its phases and its repetitions had.
_RANK = ["passed", "xfailed", "skipped", "failed", "crashed", "hung"]
BAD = {"failed", "crashed", "hung"}
_CRASHES = 10  # after so many, a run is given up
_LOOK = 2  # seconds between two looks at a running pytest
_END_LIMIT = 20  # seconds that a pytest has to end after its last test
# The last line of `plugins/ferrio_record.py`.
_DONE = b'"outcome": "done", "detail": ""}\n'
_LAST_LINE = 200  # bytes


@dataclass
class Run:
    """What came of a suite in one mode."""

    outcomes: dict[str, str] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    cpu: float = 0.0  # seconds, of the tests and their child processes

    def note(self, test: str, outcome: str, detail: str) -> None:
        """Note an outcome of a test, unless it has a worse one."""
        before = self.outcomes.get(test, "passed")
        if _RANK.index(outcome) >= _RANK.index(before):
            self.outcomes[test] = outcome
            if detail:
                self.details[test] = detail

    def count(self, *outcomes: str) -> int:
        """Return how many tests had one of the outcomes."""
        return sum(outcome in outcomes for outcome in self.outcomes.values())


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _pytest(
    environment: Environment, user: User, log: Path, arguments: list[str], variables: dict[str, str]
) -> tuple[str, str]:
    """Run pytest; return how it ended, and what it printed last.

    A pytest that has written that it is done, and waits for a child process that a failed test has left, is ended.
    """
    # -P: the packages that are installed, and not the folder that this runs in.
    command = [str(environment.python), "-P", "-X", "faulthandler", "-m", "pytest", *arguments]
    with tempfile.TemporaryFile() as output:
        # In a session of its own, so that what a hanging test has started ends with it.
        process = subprocess.Popen(
            command,
            cwd=environment.source,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            **user.process(),
        )
        try:
            status = _wait(process, log, environment.suite.limit)
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
        output.seek(0)
        return status, output.read().decode(errors="replace")[-4000:]


def _wait(process: subprocess.Popen[bytes], log: Path, limit: float) -> str:
    """Wait until pytest ends or nothing has been written to its log for `limit` seconds; return how it ended."""
    written, last = -1, time.monotonic()
    while True:
        try:
            return f"exit {process.wait(_LOOK)}"
        except subprocess.TimeoutExpired:
            size = log.stat().st_size if log.exists() else 0
            if size != written:
                written, last = size, time.monotonic()
            if time.monotonic() - last > (_END_LIMIT if size and _is_complete(log) else limit):
                return "hung"


def _is_complete(log: Path) -> bool:
    with log.open("rb") as lines:
        lines.seek(max(0, log.stat().st_size - _LAST_LINE))
        return lines.read().endswith(_DONE)


def _read(log: Path, run: Run, mode: str) -> tuple[bool, str | None]:
    """Add what pytest has written; return whether it came to its end, and which test was running otherwise."""
    complete, running = False, None
    for line in log.read_text().splitlines():
        record = json.loads(line)
        test, outcome, detail = record["test"], record["outcome"], record["detail"]
        if outcome == "loop":
            if (detail == "ferrio") != (mode != "asyncio"):
                raise SystemExit(f"ecosystem: in mode {mode} asyncio makes loops of {detail}")
        elif outcome == "done":
            complete, running = True, None
        elif outcome == "running":
            running = test
        else:
            run.note(test, outcome, detail)
    return complete, running


def run_tests(
    environment: Environment,
    user: User,
    mode: str,
    tests: list[str],
    options: list[str],
    variables: dict[str, str],
) -> Run:
    """Run the tests; a crash or a hang costs the test that was running, and another pytest runs those that follow."""
    suite = environment.suite
    run = Run()
    before = _cpu()
    lost, seen = 0, set[str]()
    while True:
        with user.folder() as folder:
            log = folder / "log"
            arguments = [
                "-p",
                "ferrio_mode",
                "-p",
                "ferrio_record",
                "-p",
                "no:cacheprovider",
                "-q",
                "-o",
                "addopts=",
            ]
            arguments += [
                f"--timeout={suite.test_limit}",
                "--rootdir=.",
                f"--basetemp={folder}/t",
                *options,
                *tests,
            ]
            for test in suite.left_out:
                arguments += ["--deselect", test]
            skip = folder / "skip"
            skip.write_text("\n".join(json.dumps(test) for test in seen))
            added = {
                "FERRIO_ECOSYSTEM_MODE": mode,
                "FERRIO_ECOSYSTEM_LOG": str(log),
                "FERRIO_ECOSYSTEM_SKIP": str(skip),
                "PYTEST_PLUGINS": "ferrio_mode",
                "HOME": str(folder),
                "TMPDIR": str(folder),
            }
            status, output = _pytest(environment, user, log, arguments, variables | added)
            complete, running = _read(log, run, mode) if log.exists() else (False, None)
        if complete:
            break
        if running is None or lost == _CRASHES:
            raise SystemExit(f"ecosystem: {suite.name} in mode {mode}: pytest: {status}\n{output}")
        run.note(running, "hung" if status == "hung" else "crashed", f"{status}\n{output}")
        lost += 1
        # The others go on from there. A test that has run is not run again.
        seen |= run.outcomes.keys()
    run.cpu = _cpu() - before
    return run
