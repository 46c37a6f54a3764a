"""Who runs the tests. Root may read and write everything and is refused by PostgreSQL, so it hands them to `nobody`."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class User:
    """The user of the tests: this one, or `nobody` if this is root and `nobody` can start the interpreter.

    Without an interpreter, always this one.
    """

    def __init__(self, python: Path | None = None) -> None:
        self._other: pwd.struct_passwd | None = None
        if python is not None and os.geteuid() == 0:
            self._other = pwd.getpwnam("nobody")
            command = [str(python), "-P", "-c", "import ferrio"]
            try:
                done = subprocess.run(command, capture_output=True, cwd="/", check=False, **self.process())
            except PermissionError:
                self._other = None
            else:
                if done.returncode:
                    self._other = None

    @property
    def is_root(self) -> bool:
        """Whether the tests run as root."""
        return os.geteuid() == 0 and self._other is None

    def process(self) -> dict[str, Any]:
        """Return the arguments for subprocess.Popen."""
        if self._other is None:
            return {}
        return {"user": self._other.pw_uid, "group": self._other.pw_gid, "extra_groups": []}

    @contextlib.contextmanager
    def folder(self) -> Iterator[Path]:
        """Make a temporary folder that the user may write to."""
        with tempfile.TemporaryDirectory(prefix="ferrio-", ignore_cleanup_errors=True) as name:
            if self._other is not None:
                shutil.chown(name, self._other.pw_uid, self._other.pw_gid)
            yield Path(name)

    def give(self, folder: Path) -> None:
        """Let the user write to a folder and all that is in it."""
        if self._other is not None:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, self._other.pw_uid, self._other.pw_gid, follow_symlinks=False)
