"""Traces of programs on the network in memory.

Digests of traces have the line of this file at which a program is called.
"""

import gc
import random

from ferrio.testing.schedules import Order
from ferrio.testing.simulation import PATIENCE, run_in_order, seeded
from ferrio.testing.traces import Trace


class Disturbance:
    """It allocates, keeps and frees objects before each entry, and collects garbage now and then.

    Addresses and the moments at which weak references end are others in each run.
    """

    def __init__(self, number):
        self.random, self.kept = random.Random(number), []

    def __call__(self):
        chance = self.random
        for _ in range(chance.randrange(20)):
            size = chance.randrange(1, 200)
            self.kept.append(chance.choice([bytearray, list, set, dict, object, _Node])())
            self.kept.append(bytes(8 * size))
        for _ in range(min(len(self.kept), chance.randrange(50))):
            self.kept.pop(chance.randrange(len(self.kept)))
        if chance.random() < 0.05:
            gc.collect(chance.randrange(3))


class _Node:
    def __init__(self):
        self.own = self


def trace_of(program, seed, disturbance=None, allowed=()):
    """Return what ran in a run of a program, as text."""
    trace = Trace()

    def noted(entry, index, width):
        trace(entry, index, width)
        if disturbance is not None:
            disturbance()

    async def main():
        try:
            await program()
        finally:
            trace.close()

    with seeded(seed):
        run_in_order(
            main(),
            Order.of_seed(seed, "mixed"),
            clock="virtual",
            strict=False,
            network="memory",
            network_seed=seed,
            allowed=frozenset(allowed),
            patience=10 if allowed else PATIENCE,
            debug=None,
            trace=noted,
            made=lambda loop: setattr(trace, "loop", loop),
        )
    return str(trace)
