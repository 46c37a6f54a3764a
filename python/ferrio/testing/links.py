"""Conditions: how fast and how reliably the network in memory carries data, and Link: these for two hosts."""

from __future__ import annotations

import math
from typing import Any

__all__ = ("Conditions", "Link")

# The greatest values; the least is 0 for all but the bandwidth, which is more.
_MOST = {"latency": math.inf, "jitter": math.inf, "loss": 1, "duplication": 1, "bandwidth": math.inf}


class Conditions:
    """What happens to data on its way.

    latency: seconds that anything takes.
    jitter: at most so many seconds more, at random; one connection keeps its order, datagrams don't.
    loss, duplication: the share of datagrams, from 0 to 1, that is lost or arrives twice.
    bandwidth: bytes a second in each direction, or None for no limit.
    """

    latency: Any
    jitter: Any
    loss: Any
    duplication: Any
    bandwidth: Any

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _MOST and value is not None:
            value = _checked(name, value)
        super().__setattr__(name, value)


def _checked(name: str, value: Any) -> float:
    if isinstance(value, str | bytes):
        raise TypeError(f"{name} is a number, got {value!r}")
    number = float(value)
    least_is_allowed = name != "bandwidth"
    if math.isnan(number) or not 0 <= number <= _MOST[name] or (number == 0 and not least_is_allowed):
        raise ValueError(f"{name} cannot be {value!r}")
    if math.isinf(number) and name != "bandwidth":
        raise ValueError(f"{name} is finite, got {value!r}; a partition lets nothing arrive")
    return number


class _Way(Conditions):
    """The conditions from one host to another. What is None is as in the network."""

    def __init__(self) -> None:
        self.latency = self.jitter = self.loss = self.duplication = self.bandwidth = None
        # The time of the loop at which the last byte that was sent has left.
        self.is_free_at = 0.0


class Link:
    """The conditions between two hosts, in both directions or in one. An attribute that was set wins over the
    network's; None is the network's.
    """

    __slots__ = ("_ways",)

    def __init__(self, *ways: _Way) -> None:
        object.__setattr__(self, "_ways", ways)

    def __getattr__(self, name: str) -> Any:
        if name not in _MOST:
            raise AttributeError(f"a link has no {name!r}")
        return getattr(self._ways[0], name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _MOST:
            raise AttributeError(f"a link has no {name!r}")
        for way in self._ways:
            setattr(way, name, value)


class Ways:
    """The ways between all hosts of a network."""

    def __init__(self) -> None:
        self._ways: dict[tuple[Any, Any], _Way] = {}

    @property
    def are_all_alike(self) -> bool:
        """Whether no way has conditions of its own."""
        return not self._ways

    def way(self, one: Any, other: Any) -> _Way:
        """Return the way from one host to another."""
        found = self._ways.get((one, other))
        if found is None:
            found = self._ways[one, other] = _Way()
        return found

    def value(self, name: str, network: Conditions, one: Any, other: Any) -> Any:
        """Return a condition from one host to another."""
        found = self._ways.get((one, other))
        own = None if found is None else getattr(found, name)
        return getattr(network, name) if own is None else own
