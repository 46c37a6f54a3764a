"""Subprocesses with streams, with the names of asyncio.subprocess."""

import asyncio
import functools
from asyncio.subprocess import (
    DEVNULL,
    PIPE,
    STDOUT,
    Process,
    SubprocessStreamProtocol,
    create_subprocess_exec,
    create_subprocess_shell,
)

__all__ = (
    "DEVNULL",
    "PIPE",
    "STDOUT",
    "Process",
    "SubprocessStreamProtocol",
    "create_subprocess_exec",
    "create_subprocess_shell",
)

# `import ferrio as asyncio`: what is not here is asyncio's.
__getattr__ = functools.partial(getattr, asyncio.subprocess)
