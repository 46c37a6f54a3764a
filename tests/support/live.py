"""How many of Ferrio's own objects live. Only a debug build of the extension counts them."""

from __future__ import annotations

from collections import Counter

from ferrio import _core

_counts = getattr(_core, "_live_instances", None)


def live_instances() -> Counter[str]:
    """Return how many instances of each class live; empty if the extension is a release build."""
    return Counter(dict(_counts())) if _counts is not None else Counter()
