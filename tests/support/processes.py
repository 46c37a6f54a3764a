"""Programs of their own, for what a test can't do to its own process."""

from __future__ import annotations

import subprocess
import sys
import textwrap


def run_script(script: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run a program of its own, with warnings on."""
    command = [sys.executable, "-W", "error::ResourceWarning", "-c", textwrap.dedent(script)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout)
