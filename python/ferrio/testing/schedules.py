"""What is passed to a simulated loop to choose its order: a policy made of a seed, or deviations."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ("POLICIES", "Deviations", "Order", "parse", "shown")

# Pairs of a choice and the index of the candidate that it takes; of all other choices it is 0.
Deviations = tuple[tuple[int, int], ...]

POLICIES = ("mixed", "random", "pct")

# The number of choices among which a schedule of PCT places its changes of priority. A test of unknown length
# is tried with each of them.
_LENGTHS = (8, 32, 128, 512)

# At most so many changes of priority: PCT's depth less one. Few faults need more.
_MOST_CHANGES = 3

_SEED_BITS = 63


@dataclass(frozen=True)
class Order:
    """How a simulated loop chooses: the arguments of its _simulate()."""

    seed: int = 0
    changes: int | None = None
    length: int = 1
    deviations: Deviations | None = ()

    @classmethod
    def of_seed(cls, seed: int, policy: str, depth: int | None = None) -> Order:
        """Return the order that a policy makes of a seed. depth is PCT's.

        TypeError and ValueError for what is no seed, no policy or no depth.
        """
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise TypeError(f"a seed is an int, got {seed!r}")
        if not 0 <= seed < 1 << _SEED_BITS:
            raise ValueError(f"a seed is at least 0 and less than 2**{_SEED_BITS}, got {seed}")
        if policy not in POLICIES:
            raise ValueError(f"a policy is one of {', '.join(POLICIES)}, got {policy!r}")
        if depth is not None and (isinstance(depth, bool) or not isinstance(depth, int)):
            raise TypeError(f"a depth is an int, got {depth!r}")
        if depth is not None and depth < 1:
            raise ValueError(f"a depth is at least 1, got {depth}")
        if policy == "random" or (policy == "mixed" and seed % 2):
            return cls(seed, None, 1, None)
        changes = seed // 2 % (_MOST_CHANGES + 1) if depth is None else depth - 1
        return cls(seed, changes, _LENGTHS[seed // 8 % len(_LENGTHS)], None)

    @classmethod
    def of_deviations(cls, deviations: str | Iterable[tuple[int, int]]) -> Order:
        """Return the ordinary order except for these deviations."""
        return cls(deviations=parse(deviations) if isinstance(deviations, str) else _checked(deviations))


def parse(text: str) -> Deviations:
    """Return the deviations of a text such as "3:1 8:2". ValueError for others."""
    words = text.split()
    for word in words:
        if not re.fullmatch(r"\d+:\d+", word, re.ASCII):
            raise ValueError(f"a schedule looks like '3:1 8:2', got {text!r}")
    return _checked((int(choice), int(index)) for choice, index in (word.split(":") for word in words))


def _checked(pairs: Iterable[tuple[Any, Any]]) -> Deviations:
    found = tuple(sorted((int(choice), int(index)) for choice, index in pairs))
    if any(
        choice < 0 or index < 0 or choice >= 1 << _SEED_BITS or index >= 1 << _SEED_BITS
        for choice, index in found
    ):
        raise ValueError(f"a choice and an index are at least 0: {shown(found)}")
    if len({choice for choice, _ in found}) != len(found):
        raise ValueError(f"a choice stands twice: {shown(found)}")
    return found


def shown(deviations: Iterable[tuple[int, int]]) -> str:
    """Return deviations as a text that parse() takes."""
    return " ".join(f"{choice}:{index}" for choice, index in deviations)
