"""A PostgreSQL server of a test's own, on a Unix socket."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Where distributions keep the programs that are not for everybody's PATH, and /usr/local.
_PLACES = (
    "/usr/lib/postgresql/*/bin/initdb",
    "/usr/pgsql-*/bin/initdb",
    "/usr/local/bin/initdb",
    "/usr/bin/initdb",
)


def programs() -> Path | None:
    """Return the folder of initdb and pg_ctl, the newest that there is."""
    found = [path.parent for place in _PLACES for path in sorted(Path("/").glob(place[1:]))]
    found = [folder for folder in found if (folder / "pg_ctl").exists()]
    # The others are of one version.
    return max(found, key=lambda folder: [int(part) for part in folder.parts if part.isdigit()], default=None)


def _user() -> dict[str, Any]:
    """The user whom the server runs as. It refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise AssertionError("there is no user whom the server could run as")


@contextmanager
def server() -> Iterator[str]:
    """Run a server; give the folder of its socket. Its user is "test", who needs no password."""
    bin_folder = programs()
    assert bin_folder is not None
    user = _user()
    # Not tmp_path, into which only the tests' own user may look. A socket's path is short, too.
    folder = tempfile.mkdtemp(prefix="ferrio-postgresql-", dir="/tmp")
    try:
        if user:
            os.chown(folder, user["user"], user["group"])

        def call(program: str, *arguments: str) -> None:
            # The server keeps the output of pg_ctl open, so that is a file.
            log = Path(folder, "output")
            with log.open("a") as output:
                command = [str(bin_folder / program), *arguments]
                done = subprocess.run(
                    command,
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    timeout=60,
                    **user,
                )
            assert done.returncode == 0, log.read_text()

        data = f"{folder}/data"
        call("initdb", "-D", data, "-U", "test", "-A", "trust", "--no-sync", "--no-locale", "-E", "UTF8")
        options = f"-k {folder} -c listen_addresses= -c fsync=off -c max_connections=40"
        call("pg_ctl", "-D", data, "-w", "-o", options, "start")
        try:
            yield folder
        finally:
            call("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)
