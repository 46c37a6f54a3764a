"""Suites of tests in a pytest of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

# The plugins that are installed, and what pytest calls them. Loading them takes a second.
PLUGINS = {
    "pytest_asyncio": "asyncio",
    "anyio": "anyio",
    "xdist": "xdist",
    "trio": "trio",
    "hypothesis": "hypothesispytest",
}


def run_pytest(
    folder: Path, *arguments: str, plugins: Collection[str] = (), env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run pytest in a folder, without the plugins of others but for these."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    for module, name in PLUGINS.items():
        if module not in plugins:
            command += ["-p", f"no:{name}"]
    return subprocess.run(
        [*command, *arguments], cwd=folder, capture_output=True, text=True, timeout=100, env=env, check=False
    )
