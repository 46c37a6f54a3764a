"""scripts/tools: what a machine lacks for a build, all in one run. scripts/conformance: what a second run tells."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with all programs that the script may find, and those that it itself is made of."""
    for name in ("sh", "sed", "cut", "sort", "head", "tail"):
        found = shutil.which(name)
        assert found is not None
        (tmp_path / name).symlink_to(found)
    program(tmp_path, "cc", "")
    program(tmp_path, "cargo", "echo cargo 1.99.0 '(0123456 2026-01-01)'")
    program(tmp_path, "python3", f'exec {sys.executable} "$@"')
    return tmp_path


def program(folder: Path, name: str, code: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{code}\n")
    path.chmod(0o755)


def lines(folder: Path, python: str = "python3") -> list[str]:
    """What the script says. It fails if it says something."""
    done = subprocess.run(
        [str(ROOT / "scripts/tools"), python],
        cwd=ROOT,
        env={"PATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == ""
    found = done.stderr.splitlines()
    assert (done.returncode == 0) is (found == [])
    return found


def test_nothing_is_said_where_nothing_is_missing(programs: Path) -> None:
    assert lines(programs) == []


def test_everything_that_is_missing_is_named_in_one_run(programs: Path) -> None:
    for name in ("cc", "cargo", "python3"):
        (programs / name).unlink()
    found = lines(programs)
    missing = [line.split(" is missing. Get it: ")[0] for line in found]
    assert missing == ["ferrio: cargo (Rust)", "ferrio: a C linker", "ferrio: python3"]


def test_an_old_rust_is_named_by_its_version(programs: Path) -> None:
    program(programs, "cargo", "echo cargo 1.9.0 '(0123456 2016-01-01)'")
    (line,) = lines(programs)
    assert "or newer (cargo is 1.9.0) is missing" in line


def test_a_cargo_that_does_not_run_says_why(programs: Path) -> None:
    program(programs, "cargo", "echo error: no default toolchain is configured >&2; exit 1")
    (line,) = lines(programs)
    assert "a cargo that runs (error: no default toolchain is configured) is missing" in line


@pytest.mark.parametrize("version", ["CPython 3.9.18", "CPython 3.16.0", "PyPy 3.11.13"])
def test_a_wrong_python_is_named_by_its_version(programs: Path, version: str) -> None:
    program(programs, "python3", f"echo {version}; exit 1")
    (line,) = lines(programs)
    assert f"CPython 3.11 to 3.15 (python3 is: {version}) is missing" in line


def test_a_python_without_venv_is_told_how_to_get_it(programs: Path) -> None:
    program(programs, "python3", f'case "$2" in *venv*) exit 1;; esac; exec {sys.executable} "$@"')
    (line,) = lines(programs)
    assert line == "ferrio: Python's venv is missing. Get it: apt-get install python3-venv"


def test_conformance_tells_what_is_unsteady_from_what_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = ROOT / "scripts/conformance"
    loader = importlib.machinery.SourceFileLoader("conformance_script", str(path))
    specification = importlib.util.spec_from_loader("conformance_script", loader)
    assert specification is not None
    script = importlib.util.module_from_spec(specification)
    loader.exec_module(script)
    known = sorted(script.known_differences())[0]
    first = {"test_a.one": "failed", "test_a.two": "passed", "test_b.three": "crash", known: "failed"}
    second = {"test_a.one": "failed", "test_a.two": "failed", "test_b.three": "passed"}
    asked = []

    def run_once(python: str, mode: str, modules: str) -> tuple[dict[str, str], str]:
        asked.append(modules)
        return (dict(second), "second\n") if modules else (dict(first), "first\n")

    monkeypatch.setattr(script, "run_once", run_once)
    found = script.run("python", "loop", "")
    assert asked == ["", "test_a,test_b"]
    # A test that passed once has passed.
    assert found == first | {"test_b.three": "passed"}
    printed = capsys.readouterr().out
    assert "first" in printed and "second" in printed
    assert "test_b.three is unsteady" in printed and "test_a.one is unsteady" not in printed
