"""Run a range of seeds of an attack, each in a process forked after the imports: server.py NAME FIRST COUNT.

Prints a line of JSON for each seed: the seed, what is wrong (null if nothing), figures, and the output if it failed.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import platform
import re
import select
import signal
import sys
import tempfile
import time
from typing import Any

import guard

# Any of these in the output of a seed is a failure, whatever its exit status.
BAD_WORDS = (
    "Fatal Python error",
    "panicked",  # Rust's own message, and the RuntimeError that Ferrio makes of it
    "SystemError",
    "returned a result with an exception set",
    "returned NULL without setting an exception",
    "AddressSanitizer",
    "Exception ignored in tp_clear",
    "memory allocation of",
    "corrupted",
    "double free",
    "Assertion",
)

# Seconds after the limit until a seed that did not end by itself is killed.
GRACE = 5

# How much of the output of a failed seed is kept.
OUTPUT_KEPT = 20_000


def verdict(status: int, output: str) -> str | None:
    """Say what is wrong with a seed that has ended; None if nothing is."""
    if os.WIFSIGNALED(status):
        return f"killed by {signal.Signals(os.WTERMSIG(status)).name}"
    if "Timeout (" in output:
        return "hang"
    for word in BAD_WORDS:
        if word in output:
            return f"output has {word!r}"
    if code := os.waitstatus_to_exitcode(status):
        return f"exit status {code}"
    return None


# Functions of the interpreter that crash if their own allocation fails, whoever calls them.
INTERPRETERS_OWN = ("_PyEval_EvalFrameDefault", "PyContext_CopyCurrent")

# The machine code of a call on x86-64: this byte and the distance of the function, as four bytes.
CALL = b"\xe8"


# What a debug build says of the interpreter's own code. os.stat() makes the times of its answer one after the other, and
# looks for an error at the end: a signal's handler that raises in the first multiplication, or a want of memory, is
# there at the second.
OWN_ASSERTION = "_Py_CheckSlotResult: Slot * of type int succeeded with an exception set"


def is_interpreters(output: str) -> str | None:
    """Return where the interpreter itself has crashed, None if Ferrio may be to blame: see memory.py.

    Ferrio is not if its frames are not in the C stack, or if above the first of them the interpreter ran Python code or
    what is known to crash there.
    """
    if OWN_ASSERTION in output:
        return "os.stat()"
    stack = output.partition("C stack:\n")[2].partition("C stack ends")[0]
    # The first two are the handler's.
    above = stack.partition("ferrio")[0].splitlines()[2:]
    if above and ("ferrio" not in stack or any(map(runs_own_function, above))):
        return above[0].rpartition("/")[2]
    return None


def runs_own_function(frame: str) -> bool:
    """Say whether a line of the C stack is of a function in INTERPRETERS_OWN, or of one that has called such a function.

    A compiler moves the rare parts of a function to another place, where it has no name. The call that leads there is
    decoded in this process, because its child had the same memory.
    """
    if any(name in frame for name in INTERPRETERS_OWN):
        return True
    address = re.search(r"python[\d.]*\S* \[0x([0-9a-f]+)\]$", frame)
    if address is None or platform.machine() != "x86_64":
        return False
    after = int(address[1], 16)
    call = ctypes.string_at(after - 5, 5)
    target = after + int.from_bytes(call[1:], "little", signed=True)
    return call.startswith(CALL) and any(target == address_of(name) for name in INTERPRETERS_OWN)


def address_of(function: str) -> int | None:
    """Return where a function of the interpreter stands."""
    found = getattr(ctypes.pythonapi, function, None)
    return None if found is None else ctypes.cast(found, ctypes.c_void_p).value


def wait(pid: int) -> int:
    """Wait for a child, for as long as it may take; return its status."""
    descriptor = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        for limit, number in ((guard.TIME_LIMIT, signal.SIGABRT), (GRACE, signal.SIGKILL)):
            if poll.poll(limit * 1000):
                break
            # faulthandler dumps the stacks on SIGABRT.
            os.kill(pid, number)
    finally:
        os.close(descriptor)
    return os.waitpid(pid, 0)[1]


def figures_of(output: str) -> dict[str, int]:
    """Return the figures in the last line of the output, if there are any."""
    for line in reversed(output.splitlines()[-3:]):
        if line.startswith("{"):
            try:
                found = json.loads(line)
            except ValueError:
                continue
            return {name: value for name, value in found.items() if isinstance(value, int)}
    return {}


def main() -> None:
    """Run the range."""
    name, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    run = importlib.import_module(name).run
    # What is there now is not looked through again by the collector of each child.
    gc.collect()
    gc.freeze()
    for seed in range(first, first + count):
        with tempfile.TemporaryFile() as file:
            start = time.monotonic()
            sys.stdout.flush()
            if (pid := os.fork()) == 0:
                os.dup2(file.fileno(), 1)
                os.dup2(file.fileno(), 2)
                gc.unfreeze()
                guard.once(run, seed)
                return  # through the interpreter's own end, which may crash too
            status = wait(pid)
            file.seek(0)
            output = file.read().decode(errors="replace")
        found: dict[str, Any] = {
            "seed": seed,
            "wrong": verdict(status, output),
            "figures": figures_of(output),
        }
        if found["wrong"] and (where := is_interpreters(output)):
            found["wrong"], found["interpreter"] = None, where
            found["figures"]["crashes of the interpreter itself"] = 1
        found["seconds"] = time.monotonic() - start
        if found["wrong"]:
            found["output"] = output[-OUTPUT_KEPT:]
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
