"""Exploration: a test in many orders, and the fewest deviations with which it fails."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ferrio.testing import graph, outside
from ferrio.testing.schedules import Deviations, Order, shown
from ferrio.testing.simulation import PATIENCE, run_in_order, seeded
from ferrio.testing.traces import Trace, first_difference

__all__ = ("Exploration", "Failure", "explore", "find")

_Test = Callable[[], Coroutine[Any, Any, Any]]

# A test that fails fails with one of these; all else (KeyboardInterrupt, a skip) ends the exploration.
_FAILURES: tuple[type[BaseException], ...] = (Exception, asyncio.CancelledError)

# Runs that shrinking may take.
_MOST_SHRINKING_RUNS = 2000


@dataclass(frozen=True)
class Exploration:
    """An exploration that found no failure.

    schedules: how many schedules were tried.
    orders: how many different orders they were.
    """

    schedules: int
    orders: int


@dataclass(frozen=True)
class Failure:
    """The first failure of an exploration, shrunk.

    number: which schedule it was, from 1.
    policy: what made its order; "ordinary" for the first, "exhaustive" in a search through all orders.
    seed: of its order, if a policy made it of one, and of its random numbers.
    deviations: the fewest that fail.
    error: what the test raised with these.
    report: traces and tasks, as text.
    """

    seed: int
    policy: str
    number: int
    deviations: Deviations
    error: BaseException
    report: str

    @property
    def schedule(self) -> str:
        """The deviations as the text that run(schedule=...) takes."""
        return shown(self.deviations)


@dataclass(frozen=True)
class _Settings:
    test: _Test
    clock: str
    strict: bool
    network: str
    allowed: frozenset[str]
    patience: float
    debug: bool | None
    failures: tuple[type[BaseException], ...]


@dataclass(frozen=True)
class _Outcome:
    error: BaseException | None
    deviations: Deviations
    widths: tuple[int, ...]


def explore(
    test: _Test,
    *,
    schedules: int = 1000,
    policy: str = "mixed",
    depth: int | None = None,
    deviations: int | None = None,
    first_seed: int = 0,
    clock: str = "virtual",
    strict: bool = False,
    network: str = "real",
    allow: Iterable[str] | None = None,
    patience: float = PATIENCE,
    debug: bool | None = None,
    failures: tuple[type[BaseException], ...] = _FAILURES,
) -> Exploration:
    """Run a test in many orders; raise what it raises in the first that fails, with a note that explains it.

    test: a function without arguments that returns a new coroutine each time, such as an async def.
    schedules: how many orders at most. The first is the ordinary one; the others are those of the seeds from
    first_seed on, as policy makes them ("random", "pct", "mixed"; depth is PCT's).
    deviations: in place of seeds, try all orders with at most so many deviations, as far as schedules goes.
    failures: the exceptions that are failures of the test. The others end the exploration as they are.
    clock, strict, network, allow, patience, debug: as for run().

    The failure is shrunk to the fewest deviations from the ordinary order. The exception's note has the seed,
    these deviations, both traces from their first difference, and the tasks.

    TypeError and ValueError for arguments that are none, RuntimeError when an event loop runs in this thread.
    """
    found = find(
        test,
        schedules=schedules,
        policy=policy,
        depth=depth,
        deviations=deviations,
        first_seed=first_seed,
        clock=clock,
        strict=strict,
        network=network,
        allow=allow,
        patience=patience,
        debug=debug,
        failures=failures,
    )
    if isinstance(found, Exploration):
        return found
    found.error.add_note(found.report)
    raise found.error


def find(
    test: _Test,
    *,
    schedules: int = 1000,
    policy: str = "mixed",
    depth: int | None = None,
    deviations: int | None = None,
    first_seed: int = 0,
    clock: str = "virtual",
    strict: bool = False,
    network: str = "real",
    allow: Iterable[str] | None = None,
    patience: float = PATIENCE,
    debug: bool | None = None,
    failures: tuple[type[BaseException], ...] = _FAILURES,
) -> Failure | Exploration:
    """Do what explore() does, and return the failure in place of raising it."""
    if not callable(test):
        if asyncio.iscoroutine(test):
            test.close()
        raise TypeError(f"a function that returns a coroutine is expected, got {test!r}")
    for name, value, least in (("schedules", schedules, 1), ("deviations", deviations, 0)):
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"{name} is an int, got {value!r}")
        if value < least:
            raise ValueError(f"{name} is at least {least}, got {value}")
    if clock not in {"virtual", "real"}:
        raise ValueError(f"a clock is 'virtual' or 'real', got {clock!r}")
    if network not in {"real", "memory"}:
        raise ValueError(f"a network is 'real' or 'memory', got {network!r}")
    allowed = outside.checked(allow, network)
    if asyncio._get_running_loop() is not None:
        raise RuntimeError("an exploration cannot run in a running event loop")
    Order.of_seed(first_seed, policy, depth)
    settings = _Settings(test, clock, strict, network, allowed, patience, debug, failures)
    if deviations is not None:
        return _find_exhaustively(settings, schedules, deviations)
    return _find_by_seeds(settings, schedules, policy, depth, first_seed)


def _find_by_seeds(
    settings: _Settings, schedules: int, policy: str, depth: int | None, first_seed: int
) -> Failure | Exploration:
    orders: set[Deviations] = set()
    for number in range(1, schedules + 1):
        # The numbers of the module random are those of the seed; the ordinary order has the first seed's.
        seed = first_seed + max(0, number - 2)
        order = Order() if number == 1 else Order.of_seed(seed, policy, depth)
        outcome = _run(settings, order, seed)
        orders.add(outcome.deviations)
        if outcome.error is not None:
            return _explain(settings, outcome, seed, "ordinary" if number == 1 else policy, number)
    return Exploration(schedules, len(orders))


def _find_exhaustively(settings: _Settings, schedules: int, most: int) -> Failure | Exploration:
    number = 0
    waiting: list[Deviations] = [()]
    for depth in itertools.count():
        following: list[Deviations] = []
        for deviations in waiting:
            if number == schedules:
                return Exploration(number, number)
            number += 1
            outcome = _run(settings, Order(deviations=deviations), 0)
            if outcome.error is not None:
                return _explain(settings, outcome, 0, "exhaustive", number)
            if depth < most:
                start = deviations[-1][0] + 1 if deviations else 0
                following += (
                    (*deviations, (choice, index))
                    for choice in range(start, len(outcome.widths))
                    for index in range(1, outcome.widths[choice])
                )
        if not following:
            return Exploration(number, number)
        waiting = following
    raise AssertionError


def _run(
    settings: _Settings,
    order: Order,
    random_seed: int,
    trace: Trace | None = None,
) -> _Outcome:
    """Run the test once."""
    loops: list[Any] = []
    error: BaseException | None = None

    def made(loop: Any) -> None:
        loops.append(loop)
        if trace is not None:
            trace.loop = loop

    main = settings.test()
    if not asyncio.iscoroutine(main):
        raise TypeError(f"the test returned {main!r} in place of a coroutine")
    if trace is not None:
        main = _traced(main, trace)
    with seeded(random_seed):
        try:
            run_in_order(
                main,
                order,
                clock=settings.clock,
                strict=settings.strict,
                network=settings.network,
                network_seed=random_seed,
                allowed=settings.allowed,
                patience=settings.patience,
                debug=settings.debug,
                trace=trace,
                made=made,
            )
        except settings.failures as caught:
            error = caught
            if not loops:
                # The test is at fault, not the order.
                raise
    loop = loops[0]
    return _Outcome(error, tuple(loop._deviations()), tuple(loop._widths()))


def _traced(main: Coroutine[Any, Any, Any], trace: Trace) -> Coroutine[Any, Any, Any]:
    """Return a coroutine that ends the trace with the test, and notes the tasks when the test fails."""

    async def traced() -> Any:
        try:
            return await main
        except BaseException:
            if trace.loop is not None and not trace.loop.is_stuck:
                trace.tasks = graph.of_tasks(trace.loop)
            raise
        finally:
            trace.close()

    coroutine = traced()
    of_traced: Any = coroutine
    of_main: Any = main
    of_traced.__name__, of_traced.__qualname__ = of_main.__name__, of_main.__qualname__
    return coroutine


def _explain(settings: _Settings, outcome: _Outcome, seed: int, policy: str, number: int) -> Failure:
    """Shrink a failure, and write its report."""
    shrunk = _shrink(settings, outcome, seed)
    error = shrunk.error
    assert error is not None
    ordinary, failing = Trace(), Trace()
    try:
        if shrunk.deviations:
            _run(settings, Order(), seed, ordinary)
        _run(settings, Order(deviations=shrunk.deviations), seed, failing)
    finally:
        ordinary.close()
        failing.close()
    how = {"ordinary": "the ordinary order", "exhaustive": "the search through all orders"}.get(
        policy, f"seed {seed}, policy {policy!r}"
    )
    count = len(shrunk.deviations)
    text = [
        f"ferrio.testing: schedule {number} failed ({how}).",
        f"The fewest deviations from the ordinary order that fail: {count}.",
    ]
    if shrunk.deviations:
        text += [
            f"To repeat it: run(..., seed={seed}, schedule={shown(shrunk.deviations)!r})",
            "",
            "What ran",
        ]
        text.append(first_difference(ordinary, failing))
    else:
        text += ["", "What ran last", *failing.lines[-10:]]
    if failing.tasks:
        text += ["", "The tasks when the test failed", failing.tasks]
    return Failure(seed, policy, number, shrunk.deviations, error, "\n".join(text))


def _shrink(settings: _Settings, outcome: _Outcome, random_seed: int) -> _Outcome:
    """Return a failure of the same type with as few deviations as can be found, by delta debugging."""
    kind = type(outcome.error)
    runs = itertools.count()

    def attempt(deviations: Deviations) -> _Outcome | None:
        if next(runs) >= _MOST_SHRINKING_RUNS:
            return None
        tried = _run(settings, Order(deviations=deviations), random_seed)
        # Deviations of a choice that a shorter run does not reach are gone by themselves.
        return tried if type(tried.error) is kind else None

    best = attempt(outcome.deviations)
    if best is None:
        # What the test does is not decided by the order alone.
        return outcome
    # A failure with one deviation is often near, and found faster than by taking the others away.
    parts = 1
    while best.deviations:
        for without in _parts(best.deviations, parts):
            smaller = attempt(without)
            if smaller is not None and len(smaller.deviations) < len(best.deviations):
                best = smaller
                parts = max(1, parts - 1)
                break
        else:
            if parts >= len(best.deviations):
                break
            parts = min(len(best.deviations), 2 * parts)
    return _simplest(best, attempt)


def _parts(deviations: Deviations, parts: int) -> Iterator[Deviations]:
    """Return the deviations without each of so many parts, and with one part alone."""
    size = -(-len(deviations) // parts)
    pieces = [deviations[at : at + size] for at in range(0, len(deviations), size)]
    for at in range(len(pieces)):
        yield tuple(itertools.chain(*pieces[:at], *pieces[at + 1 :]))
    if len(pieces) > 2:
        yield from pieces


def _simplest(best: _Outcome, attempt: Callable[[Deviations], _Outcome | None]) -> _Outcome:
    """Replace several deviations by a single one if any does, for a failure that has few."""
    if not 1 < len(best.deviations) <= 8:
        return best
    last = best.deviations[-1][0]
    for choice, width in enumerate(best.widths[: last + 1]):
        for index in range(1, width):
            single = attempt(((choice, index),))
            if single is not None and len(single.deviations) < len(best.deviations):
                return single
    return best
