"""Subprocesses: loop.subprocess_exec(), loop.subprocess_shell().

The loop watches a child by a pidfd, which is readable when the child has ended. This needs no signal handler
and no thread. If the kernel has no pidfds, a thread waits.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
from asyncio import base_subprocess
from asyncio.log import logger

from ferrio import versions

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ferrio.loop import Loop

__all__ = ("check_binary", "subprocess_exec", "subprocess_shell")

# The status that asyncio reports for a child if other code has taken the real one.
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


async def subprocess_shell(
    loop: Loop,
    protocol_factory: Any,
    cmd: str | bytes,
    stdin: Any,
    stdout: Any,
    stderr: Any,
    kwargs: dict[str, Any],
) -> Any:
    """Run a command line. Return (transport, protocol)."""
    action = f"run shell command {cmd!r}"
    return await _subprocess(loop, protocol_factory, cmd, True, stdin, stdout, stderr, action, kwargs)


async def subprocess_exec(
    loop: Loop,
    protocol_factory: Any,
    args: tuple[Any, ...],
    stdin: Any,
    stdout: Any,
    stderr: Any,
    kwargs: dict[str, Any],
) -> Any:
    """Run a program. Return (transport, protocol)."""
    action = f"execute program {args[0]!r}"
    return await _subprocess(loop, protocol_factory, args, False, stdin, stdout, stderr, action, kwargs)


async def _subprocess(
    loop: Loop,
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
    if loop._debug:
        logger.debug("%s stdin=%s stdout=%s stderr=%s", action, stdin, stdout, stderr)
    _check_child_watcher()
    waiter = loop.create_future()
    transport = _SubprocessTransport(
        loop, protocol, args, shell, stdin, stdout, stderr, 0, waiter=waiter, **kwargs
    )
    child: Any = transport._proc
    _watch_child(loop, child.pid, transport)
    try:
        await waiter
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException:
        transport.close()
        await asyncio.shield(transport._wait())
        raise
    if loop._debug:
        logger.info("%s: %r", action, transport)
    return transport, protocol


def _watch_child(loop: Loop, pid: int, transport: Any) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        waiting = threading.Thread(
            target=_wait_in_thread, args=(loop, pid, transport), name=f"waitpid-{pid}", daemon=True
        )
        waiting.start()
        return
    loop._add_reader(descriptor, _child_ended, loop, descriptor, pid, transport)


def _child_ended(loop: Loop, descriptor: int, pid: int, transport: Any) -> None:
    loop._remove_reader(descriptor)
    os.close(descriptor)
    transport._process_exited(_take_status(pid, transport))


def _check_child_watcher() -> None:
    """RuntimeError if the program has set a child watcher that does not watch."""
    if versions.CHILD_WATCHERS:
        policy = asyncio.get_event_loop_policy()
        watcher = getattr(policy, "_watcher", None)
        if watcher is None:
            return
        with watcher as entered:
            asked = watcher if versions.CHILD_WATCHER_IS_ASKED_ITSELF else entered
            if not asked.is_active():
                raise RuntimeError(
                    "asyncio.get_child_watcher() is not activated, subprocess support is not installed."
                )


def _take_status(pid: int, transport: Any) -> int:
    try:
        _, status = os.waitpid(pid, 0)
    except ChildProcessError:
        # Popen takes the status when it should send a signal to a child that has ended.
        if transport._proc is not None and transport._proc.returncode is not None:
            return int(transport._proc.returncode)
        logger.warning("child process pid %d exit status already read:  will report returncode 255", pid)
        return _STATUS_TAKEN
    return os.waitstatus_to_exitcode(status)


def _wait_in_thread(loop: Loop, pid: int, transport: Any) -> None:
    status = _take_status(pid, transport)
    if loop.is_closed():
        logger.warning("Loop %r that handles pid %r is closed", loop, pid)
    else:
        loop.call_soon_threadsafe(transport._process_exited, status)


def check_binary(universal_newlines: bool, bufsize: int, encoding: Any, errors: Any, text: Any) -> None:
    """ValueError for options of subprocess.Popen that decode, because transports carry bytes."""
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
