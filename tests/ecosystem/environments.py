"""Where a suite runs: its sources, and an environment with the package and what the tests need."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from .suites import Suite
from .users import User

ROOT = Path(__file__).parents[2]
PINS = Path(__file__).parent / "pins"
_PIP_LIMIT = 540  # seconds for one call of pip


class Environment:
    """The folder of a suite for one interpreter: `source/` and `venv/`."""

    def __init__(self, suite: Suite, python: str, folder: Path) -> None:
        self.suite = suite
        self.base = python
        self.folder = folder / f"{suite.name}-{suite.version}"
        self.source = self.folder / "source"
        self.python = self.folder / "venv/bin/python"

    def prepare(self, *, pin: bool) -> User:
        """Make what is not there yet, and return who runs the tests.

        With `pin` make all anew, and write down the versions that pip chose.
        """
        pins = PINS / f"{self.suite.name}.txt"
        version = subprocess.run([self.base, "-VV"], capture_output=True, text=True, check=True).stdout
        installed = (version, self.suite.needs, self.suite.extras, self.suite.hides)
        wanted = repr((*installed, pins.read_text() if pins.exists() else ""))
        stamp = self.folder / "stamp"
        if pin or not stamp.exists() or stamp.read_text() != wanted:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            subprocess.run(
                [self.base, "-m", "venv", self.folder / "venv"], check=True, stdin=subprocess.DEVNULL
            )
            self._unpack()
            self._install(pins, pin)
            stamp.write_text(repr((*installed, pins.read_text())))
        # Where pytest looks for its options last; it would find Ferrio's own otherwise.
        (self.folder / "pytest.ini").write_text("[pytest]\n")
        self._link_ferrio()
        user = User(self.python)
        user.give(self.source)
        return user

    def _pip(self, *arguments: str | Path) -> str:
        command = [self.python, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PIP_LIMIT, check=False)
        if done.returncode:
            raise SystemExit(f"ecosystem: pip {' '.join(map(str, arguments))}\n{done.stderr}")
        return done.stdout

    def _unpack(self) -> None:
        """Unpack the source distribution without what would hide the package that is installed."""
        name = self.suite.name
        download = self.folder / "download"
        what = f"{name}=={self.suite.version}"
        self._pip("download", "--no-deps", "--no-binary", name, "--dest", download, what)
        (archive,) = download.iterdir()
        with tarfile.open(archive) as tar:
            tar.extractall(download, filter="data")
        archive.unlink()
        (top,) = download.iterdir()
        for hides in self.suite.hides:
            shutil.rmtree(top / hides)
        top.rename(self.source)

    def _install(self, pins: Path, pin: bool) -> None:
        if pin:
            package = self.suite.name + (f"[{self.suite.extras}]" if self.suite.extras else "")
            self._pip("install", f"{package}=={self.suite.version}", *self.suite.needs)
            pins.write_text(self._pip("freeze"))
        else:
            # Made on one interpreter; another may want something more.
            self._pip("install", "-r", pins)

    def _link_ferrio(self) -> None:
        """Let the environment find the Ferrio that the interpreter of this run has."""
        where = (
            "import importlib.util; print(importlib.util.find_spec('ferrio').submodule_search_locations[0])"
        )
        found = subprocess.run([self.base, "-P", "-c", where], capture_output=True, text=True, check=False)
        if found.returncode:
            raise SystemExit(f"ecosystem: {self.base} has no Ferrio; scripts/install installs it")
        (site,) = (self.folder / "venv/lib").glob("python3.*/site-packages")
        link = site / "ferrio"
        link.unlink(missing_ok=True)
        link.symlink_to(found.stdout.strip())

    def variables(self) -> dict[str, str]:
        """Return the environment variables of the tests: no options of pytest or Python from outside."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTEST", "PYTHON", "FERRIO", "PG", "VIRTUAL_ENV"))
        }
        kept["PATH"] = f"{self.python.parent}:{kept.get('PATH', os.defpath)}"
        kept["PYTHONPATH"] = str(Path(__file__).parent / "plugins")
        kept["PYTHONDONTWRITEBYTECODE"] = "1"
        return kept
