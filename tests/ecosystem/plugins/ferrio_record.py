"""A plugin for pytest: write each test's outcome to the file FERRIO_ECOSYSTEM_LOG at once, so that it outlives a crash.

A line is a JSON object: {"test": ID, "outcome": OUTCOME, "detail": TEXT}. The outcome "running" comes first. The last
line has the test null and the outcome "done".
"""

import json
import os
from typing import Any

import ferrio_mode
import pytest

# Unbuffered; the number is not inherited by child processes.
_LOG = os.open(os.environ["FERRIO_ECOSYSTEM_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
_OWNER = os.getpid()
_DETAIL = 4000  # characters


def _write(test: str | None, outcome: str, detail: str = "") -> None:
    if os.getpid() == _OWNER:
        line = json.dumps({"test": test, "outcome": outcome, "detail": detail[-_DETAIL:]})
        os.write(_LOG, f"{line}\n".encode())


def pytest_sessionstart(session: Any) -> None:
    """Write what the tests are about to run on."""
    _write(None, "loop", ferrio_mode.loop_module())


def pytest_collection_modifyitems(config: Any, items: list[Any]) -> None:
    """Leave out what an earlier pytest has run: a file has the names, a JSON string in each line."""
    with open(os.environ["FERRIO_ECOSYSTEM_SKIP"]) as file:
        seen = {json.loads(line) for line in file}
    left_out = [item for item in items if item.nodeid in seen]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item.nodeid not in seen]


def pytest_runtest_logstart(nodeid: str) -> None:
    """Write which test comes."""
    _write(nodeid, "running")


def pytest_runtest_logreport(report: Any) -> None:
    """Write how a phase of a test ended; whoever reads takes the worst."""
    if report.failed:
        _write(report.nodeid, "failed", f"{report.when}: {report.longreprtext}")
    elif report.skipped:
        _write(report.nodeid, "xfailed" if hasattr(report, "wasxfail") else "skipped", str(report.longrepr))
    elif report.when == "call":
        _write(report.nodeid, "passed")


def pytest_collectreport(report: Any) -> None:
    """Write which file could not be imported."""
    if report.failed:
        _write(report.nodeid, "failed", f"collection: {report.longreprtext}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: Any) -> None:
    """Write that the run is complete, and what the last test left asyncio with."""
    _write(None, "loop", ferrio_mode.loop_module())
    _write(None, "done")
