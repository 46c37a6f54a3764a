"""What every attack has around it: a time limit that dumps the stacks, a check of the descriptors, figures.

An attack is a module with `run(seed)`, which returns figures. `python NAME.py SEED` runs one seed in this process;
`server.py` forks a process for each seed of a range.
"""

from __future__ import annotations

import faulthandler
import json
import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Callable
from typing import Any

# Seconds that a seed may take. Five before, the stacks are dumped; the driver kills it at the end.
TIME_LIMIT = int(os.environ.get("ATTACK_LIMIT", "30"))

# Bytes of address space. A program that asks for too much gets a MemoryError and the machine stays usable;
# what allocates more by a mistake fails here.
ADDRESS_SPACE = 4 << 30

Run = Callable[[int], "dict[str, int]"]


def sanitized() -> bool:
    """Whether AddressSanitizer is in this process: it takes terabytes of address space."""
    return "asan" in os.environ.get("LD_PRELOAD", "")


def standard_descriptors() -> list[tuple[int, int]]:
    """Return what descriptors 0, 1 and 2 are."""
    return [(found.st_dev, found.st_ino) for found in map(os.fstat, range(3))]


def once(run: Run, seed: int) -> None:
    """Run one seed, print its figures. Whatever is wrong ends this process with a status other than 0."""
    faulthandler.enable()
    faulthandler.dump_traceback_later(TIME_LIMIT - 5, exit=True)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not sanitized():
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    before = standard_descriptors()
    folder = tempfile.mkdtemp(prefix="ferrio-attack-")
    os.chdir(folder)
    try:
        figures: dict[str, Any] = run(seed)
    finally:
        os.chdir("/")
        shutil.rmtree(folder, ignore_errors=True)
    if standard_descriptors() != before:
        raise AssertionError("descriptor 0, 1 or 2 was closed or replaced")
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.stdout.flush()


def main(run: Run) -> None:
    """Run the seed that the command line names."""
    once(run, int(sys.argv[1]))
