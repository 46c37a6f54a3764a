"""A minute of attacks, of fixed seeds; `make attack` runs thousands. A seed that fails is printed with its command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ATTACK = Path(__file__).parent.parent / "scripts" / "attack"
FIRST = 1_000_000


def attack(*options: str) -> None:
    """Run the driver; it fails as any seed does."""
    command = [sys.executable, str(ATTACK), sys.executable, "--first", str(FIRST), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.timeout(300)
def test_some_programs_with_evil_objects() -> None:
    attack("--api", "20")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("name", "seeds"),
    [("api", 120), ("tls", 60), ("memory", 30)],
)
def test_attack(name: str, seeds: int) -> None:
    if name == "memory" and hasattr(sys, "gettotalrefcount"):
        pytest.skip("without memory a debug build fails its own assertions")
    attack(f"--{name}", str(seeds))


@pytest.mark.parametrize(
    ("program", "wrong"),
    [
        ("import os; os.abort()", "SIGABRT"),
        ("raise SystemError('x')", "SystemError"),
        ("import os; os._exit(3)", "exit status 3"),
        ("import time; time.sleep(60)", "hang"),
        ("import os; os.close(0)", "descriptor"),
        ("pass", None),
    ],
)
def test_the_server_finds(tmp_path: Path, program: str, wrong: str | None) -> None:
    folder = ATTACK.parent.parent / "tests" / "attack"
    (tmp_path / "program.py").write_text(f"def run(seed):\n    {program}\n    return {{'done': 1}}\n")
    environ = {"PYTHONPATH": str(tmp_path), "ATTACK_LIMIT": "7"}
    command = [sys.executable, str(folder / "server.py"), "program", "1", "1"]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, check=True)
    if wrong is None:
        assert '"wrong": null' in done.stdout and '"done": 1' in done.stdout
    else:
        assert wrong in done.stdout and '"wrong": null' not in done.stdout
