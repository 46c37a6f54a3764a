"""Subprocesses: loop.subprocess_exec(), loop.subprocess_shell().

A child is watched by a pidfd, which is readable when the child has ended: no signal handler, no thread.
Where the kernel has none, a thread waits.
"""

from __future__ import annotations

import asyncio
import functools
import os
import subprocess
import sys
import threading
from asyncio import base_subprocess
from asyncio.log import logger

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ("SubprocessMixin",)

# `import ferrio as asyncio`: what is not here is asyncio's.
__getattr__ = functools.partial(getattr, asyncio.base_subprocess)

# What asyncio reports for a child whose status somebody else has taken.
_STATUS_TAKEN = 255


class _SubprocessTransport(base_subprocess.BaseSubprocessTransport):
    """asyncio's subprocess transport over Ferrio's pipes."""

    def _start(
        self, args: Any, shell: bool, stdin: Any, stdout: Any, stderr: Any, bufsize: int, **kwargs: Any
    ) -> None:
        self._proc = subprocess.Popen(
            args,
            shell=shell,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            universal_newlines=False,
            bufsize=bufsize,
            **kwargs,
        )


class SubprocessMixin:
    """Starting children and noticing their end."""

    _debug: bool
    create_future: Any

    async def subprocess_shell(
        self,
        protocol_factory: Any,
        cmd: Any,
        *,
        stdin: Any = subprocess.PIPE,
        stdout: Any = subprocess.PIPE,
        stderr: Any = subprocess.PIPE,
        universal_newlines: bool = False,
        shell: bool = True,
        bufsize: int = 0,
        encoding: Any = None,
        errors: Any = None,
        text: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Run a command line. Return (transport, protocol). Further keywords go to subprocess.Popen."""
        if not isinstance(cmd, (bytes, str)):
            raise ValueError("cmd must be a string")
        if not shell:
            raise ValueError("shell must be True")
        _check_binary(universal_newlines, bufsize, encoding, errors, text)
        return await self._subprocess(
            protocol_factory, cmd, True, stdin, stdout, stderr, f"run shell command {cmd!r}", kwargs
        )

    async def subprocess_exec(
        self,
        protocol_factory: Any,
        program: Any,
        *args: Any,
        stdin: Any = subprocess.PIPE,
        stdout: Any = subprocess.PIPE,
        stderr: Any = subprocess.PIPE,
        universal_newlines: bool = False,
        shell: bool = False,
        bufsize: int = 0,
        encoding: Any = None,
        errors: Any = None,
        text: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Run a program. Return (transport, protocol). Further keywords go to subprocess.Popen."""
        if shell:
            raise ValueError("shell must be False")
        _check_binary(universal_newlines, bufsize, encoding, errors, text)
        return await self._subprocess(
            protocol_factory,
            (program, *args),
            False,
            stdin,
            stdout,
            stderr,
            f"execute program {program!r}",
            kwargs,
        )

    async def _subprocess(
        self,
        protocol_factory: Any,
        args: Any,
        shell: bool,
        stdin: Any,
        stdout: Any,
        stderr: Any,
        action: str,
        kwargs: dict[str, Any],
    ) -> Any:
        protocol = protocol_factory()
        if self._debug:
            logger.debug("%s stdin=%s stdout=%s stderr=%s", action, stdin, stdout, stderr)
        _check_child_watcher()
        loop: Any = self
        waiter = self.create_future()
        transport = _SubprocessTransport(
            loop, protocol, args, shell, stdin, stdout, stderr, 0, waiter=waiter, **kwargs
        )
        child: Any = transport._proc
        self._watch_child(child.pid, transport)
        try:
            await waiter
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:
            transport.close()
            await asyncio.shield(transport._wait())
            raise
        if self._debug:
            logger.info("%s: %r", action, transport)
        return transport, protocol

    def _watch_child(self, pid: int, transport: Any) -> None:
        loop: Any = self
        try:
            descriptor = os.pidfd_open(pid)
        except OSError:
            waiting = threading.Thread(
                target=_wait_in_thread, args=(loop, pid, transport), name=f"waitpid-{pid}", daemon=True
            )
            waiting.start()
            return
        loop._add_reader(descriptor, self._child_ended, descriptor, pid, transport)

    def _child_ended(self, descriptor: int, pid: int, transport: Any) -> None:
        loop: Any = self
        loop._remove_reader(descriptor)
        os.close(descriptor)
        transport._process_exited(_take_status(pid, transport))


def _check_child_watcher() -> None:
    """RuntimeError if the program has set a child watcher that does not watch (up to 3.13)."""
    if sys.version_info < (3, 14):
        policy = asyncio.get_event_loop_policy()
        watcher = getattr(policy, "_watcher", None)
        if watcher is None:
            return
        # 3.11 asks what entering it gives.
        with watcher as entered:
            asked = watcher if sys.version_info >= (3, 12) else entered
            if not asked.is_active():
                raise RuntimeError(
                    "asyncio.get_child_watcher() is not activated, subprocess support is not installed."
                )


def _take_status(pid: int, transport: Any) -> int:
    try:
        _, status = os.waitpid(pid, 0)
    except ChildProcessError:
        # Popen takes it when it is asked to send a signal to a child that has ended.
        if transport._proc is not None and transport._proc.returncode is not None:
            return int(transport._proc.returncode)
        logger.warning("child process pid %d exit status already read:  will report returncode 255", pid)
        return _STATUS_TAKEN
    return os.waitstatus_to_exitcode(status)


def _wait_in_thread(loop: Any, pid: int, transport: Any) -> None:
    status = _take_status(pid, transport)
    if loop.is_closed():
        logger.warning("Loop %r that handles pid %r is closed", loop, pid)
    else:
        loop.call_soon_threadsafe(transport._process_exited, status)


def _check_binary(universal_newlines: bool, bufsize: int, encoding: Any, errors: Any, text: Any) -> None:
    if universal_newlines:
        raise ValueError("universal_newlines must be False")
    if bufsize != 0:
        raise ValueError("bufsize must be 0")
    if text:
        raise ValueError("text must be False")
    if encoding is not None:
        raise ValueError("encoding must be None")
    if errors is not None:
        raise ValueError("errors must be None")
