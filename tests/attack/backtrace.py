"""The C stack of a crash: a handler in C, compiled where the machine has a compiler."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from pathlib import Path

BACKTRACE = r"""
#include <execinfo.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
static struct sigaction before[65];
static void handle(int number) {
    void *frames[100];
    const char head[] = "C stack:\n";
    (void)!write(2, head, sizeof head - 1);
    backtrace_symbols_fd(frames, backtrace(frames, 100), 2);
    (void)!write(2, "C stack ends\n", 13);
    sigaction(number, &before[number], 0);
    raise(number);
}
void install(void) {
    int numbers[] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE};
    void *frames[1];
    backtrace(frames, 1);
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction action;
        memset(&action, 0, sizeof action);
        action.sa_handler = handle;
        action.sa_flags = SA_NODEFER | SA_ONSTACK;
        sigaction(numbers[i], &action, &before[numbers[i]]);
    }
}
"""


def backtrace_library() -> ctypes.CDLL | None:
    """Return a library that writes the C stack of a crash; None where there is no compiler."""
    if shutil.which("cc") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder) / "backtrace.c", Path(folder) / "backtrace.so"
        source.write_text(BACKTRACE)
        done = subprocess.run(
            ["cc", "-shared", "-fPIC", "-O1", str(source), "-o", str(library)],
            capture_output=True,
            check=False,
        )
        return ctypes.CDLL(str(library)) if done.returncode == 0 else None
