"""What is checked when a test ends: that each check fails for what it is there for, and for nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.live import live_instances
from support.processes import ENVIRONMENT
from support.suites import run_pytest

HERE = Path(__file__).parent

# Tests, and what is said of each.
PROGRAM = """
import asyncio, os, threading
import ferrio

kept = []

def fails(loop):
    loop.call_soon(int, "no number")
    loop.run_until_complete(asyncio.sleep(0))

def test_clean(loop):
    loop.run_until_complete(asyncio.sleep(0))

def test_report(loop):
    fails(loop)

def test_report_of_garbage(loop):
    future = loop.create_future()
    future.set_exception(ValueError("nobody asks"))
    future.cycle = future

def test_report_that_is_taken(loop, reports):
    fails(loop)
    assert "invalid literal" in reports.take()[0]

def test_report_to_a_handler_of_its_own(loop):
    loop.set_exception_handler(lambda loop, context: None)
    fails(loop)

def test_descriptor():
    kept.append(os.dup(0))

def test_thread():
    threading.Thread(target=threading.Event().wait, daemon=True).start()

def test_thread_that_is_about_to_end():
    threading.Timer(0.1, int).start()

def test_loop():
    kept.append(ferrio.new_event_loop())
    kept[-1].close()

def test_timer(loop):
    kept.append(loop.call_later(1000, int))

def test_task(loop):
    kept.append(loop.create_task(asyncio.sleep(0)))
    loop.run_until_complete(kept[-1])

def test_clean_again(loop):
    loop.run_until_complete(asyncio.sleep(0))
"""
SAID = {
    "report": "nobody expected that the loop reports",
    "report_of_garbage": "nobody expected that the loop reports",
    "descriptor": "left behind",
    "thread": "left behind",
}
# What only a debug build of the extension knows.
SAID_BY_COUNTS = {"loop": "_core.Loop", "timer": "_core.TimerHandle", "task": "_core.Task"}


def test_what_a_test_leaves_fails_it(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(PROGRAM)
    # With less patience, which four of these tests try.
    checks, count = re.subn(
        r"^PATIENCE = 2$", "PATIENCE = 0.5", (HERE / "conftest.py").read_text(), flags=re.MULTILINE
    )
    assert count == 1
    (tmp_path / "conftest.py").write_text(checks)
    done = run_pytest(tmp_path, "-rE", "--rootdir", str(tmp_path), str(tmp_path), env=ENVIRONMENT)
    sections = re.split(r"^_+ ERROR at teardown of test_(\w+) _+$", done.stdout, flags=re.MULTILINE)[1:]
    found = dict(zip(sections[::2], sections[1::2], strict=True))
    expected = SAID | (SAID_BY_COUNTS if live_instances() else {})
    assert set(found) == set(expected), done.stdout
    for name, text in expected.items():
        assert text in found[name]
    count = PROGRAM.count("def test_")
    assert f"{count} passed, {len(expected)} errors" in done.stdout


@pytest.mark.skipif(not live_instances(), reason="a debug build of the extension counts")
def test_every_class_is_counted(loop) -> None:
    before = live_instances()
    future, handle = loop.create_future(), loop.call_later(1000, int)
    grown = live_instances() - before
    assert grown == {"ferrio._core.Future": 1, "ferrio._core.TimerHandle": 1}
    handle.cancel()
    del future
    assert live_instances()["ferrio._core.Future"] == before["ferrio._core.Future"]
