"""What a process has, and whether it grows: objects, references, descriptors, threads, memory."""

from __future__ import annotations

import array
import gc
import os
import resource
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

# The first rounds fill caches and free lists.
WARM_UP, ROUNDS = 3, 5


# Whether `freeze()` has frozen what exists. `gc.get_freeze_count()` would know, but it counts all objects each time, which
# takes 14 ms.
_frozen = False


def freeze() -> None:
    """Have the collector leave out what exists already: modules and pytest's objects, a collection of which takes 40 ms."""
    global _frozen
    if not _frozen:
        gc.collect()
        gc.freeze()
        _frozen = True


def collect() -> None:
    """Collect all garbage. What a finaliser lets go of is garbage for the next collection."""
    for _ in range(3):
        gc.collect()


def objects() -> int:
    """Return how many objects the garbage collector knows."""
    collect()
    return len(gc.get_objects())


def descriptors() -> set[str]:
    """Return the open descriptors of this process, with what they are."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        try:
            # The name of a file that was removed meanwhile ends so.
            found.add(f"{number} {os.readlink(f'/proc/self/fd/{number}').removesuffix(' (deleted)')}")
        except FileNotFoundError:
            pass  # the descriptor of the listing itself
    return found


def threads() -> int:
    """Return how many threads this process has, those of Rust and C among them."""
    return len(os.listdir("/proc/self/task"))


def resident_memory() -> float:
    """Return the resident memory of this process in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def references() -> int:
    """Return the number of all references in a debug build of the interpreter, else of the collector's objects."""
    collect()
    if hasattr(sys, "gettotalrefcount"):
        return sys.gettotalrefcount()
    return len(gc.get_objects())


def growth(one_round: Callable[[], object]) -> list[int]:
    """Return how many references or objects each round added, after the first ones."""
    # The array exists before the rounds, so that it does not count.
    counts = array.array("q", bytes(8 * (WARM_UP + ROUNDS)))
    # The collector does not look again and again through what exists already.
    gc.collect()
    gc.freeze()
    try:
        for number in range(WARM_UP + ROUNDS):
            one_round()
            counts[number] = references()
    finally:
        # Where `freeze()` has left out modules and pytest's objects already, they stay so: two collections of them, here and
        # in the next test, would take longer than most rounds.
        if not _frozen:
            gc.unfreeze()
    return [new - old for old, new in pairwise(counts[WARM_UP - 1 :])]


def leaks(grown: list[int]) -> bool:
    """Return whether every round added something: a cache stops growing, a leak does not."""
    return all(delta >= 1 for delta in grown)
