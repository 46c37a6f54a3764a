"""Folders of the sockets: directories that belong to the user and that no one else can read."""

from __future__ import annotations

import contextlib
import os
import stat

__all__ = ("folders", "is_private", "make_folder")


def folders(runtime: str | None, uid: int) -> list[str]:
    """Return the directories that may have the socket of a process, the first choice first.

    runtime: its XDG_RUNTIME_DIR. uid: its user.
    """
    found = [os.path.join(runtime, "ferrio")] if runtime else []
    return [*found, f"/tmp/ferrio-{uid}"]


def is_private(folder: str) -> bool:
    """Return whether a directory belongs to the user and no one else can read it."""
    status = os.lstat(folder)
    return (
        stat.S_ISDIR(status.st_mode)
        and status.st_uid == os.getuid()
        and not stat.S_IMODE(status.st_mode) & 0o077
    )


def make_folder() -> str:
    """Return a directory for this process's socket. OSError if none is private."""
    for folder in folders(os.environ.get("XDG_RUNTIME_DIR"), os.getuid()):
        with contextlib.suppress(OSError):
            with contextlib.suppress(FileExistsError):
                os.mkdir(folder, 0o700)
            if is_private(folder):
                return folder
    raise OSError("no private directory")
