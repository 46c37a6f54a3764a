"""Tests of asyncio programs with the time and the order of tasks in the test's hand.

run() runs a coroutine under a clock that jumps, in an order that a seed chooses. explore() runs a test in
many orders, and shrinks the first that fails. `docs/testing.md` is the guide.
"""

from __future__ import annotations

from ferrio.inspection.deadlocks import DeadlockError
from ferrio.testing.checks import always, eventually
from ferrio.testing.clock import Clock, clock
from ferrio.testing.exploration import Exploration, Failure, explore, find
from ferrio.testing.hosts import Host
from ferrio.testing.network import Network, network
from ferrio.testing.outside import LeavesSimulationError
from ferrio.testing.simulation import LeakError, run

__all__ = (
    "Clock",
    "DeadlockError",
    "Exploration",
    "Failure",
    "Host",
    "LeakError",
    "LeavesSimulationError",
    "Network",
    "always",
    "clock",
    "eventually",
    "explore",
    "find",
    "network",
    "run",
)
