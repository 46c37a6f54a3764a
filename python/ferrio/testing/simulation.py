"""SimulatedLoop, and run(): one run of a program under a virtual clock, in a chosen order."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import threading
import weakref
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any, TypeVar

from ferrio.inspection.deadlocks import DeadlockError
from ferrio.loop import Loop
from ferrio.runners import Runner
from ferrio.testing import checks, graph, outside
from ferrio.testing.answers import answer_of
from ferrio.testing.schedules import Order
from ferrio.testing.waiters import choose_first, queues_ask
from ferrio.testing.weak_sets import OrderedWeakSet

__all__ = ("DeadlockError", "LeakError", "SimulatedLoop", "run", "run_in_order")

_T = TypeVar("_T")

# Where the virtual clock begins, in seconds. Not 0: a real loop's time never is, and programs may rely on
# that.
START = 1000.0

# So long, in seconds of the machine, a loop listens to real sockets before its clock jumps.
PATIENCE = 0.05


class LeakError(AssertionError):
    """Something was left at the end of a run, or an exception was seen by nobody."""


class SimulatedLoop(Loop):
    """Ferrio's loop with a clock that jumps, and an order of what is ready that is chosen.

    clock: "virtual" or "real". patience: seconds of the machine for which the loop listens to real
    sockets before its clock jumps. trace: called before each entry runs, with it, its index and the number
    of candidates.
    """

    def __init__(
        self,
        order: Order,
        clock: str = "virtual",
        patience: float = PATIENCE,
        trace: Callable[[Any, int, int], object] | None = None,
    ) -> None:
        super().__init__()
        self._threads_before = set(threading.enumerate())
        self._executors: weakref.WeakSet[Any] = weakref.WeakSet()
        self._asyncgens = OrderedWeakSet()
        self.reported: list[dict[str, Any]] = []
        # What the test allows of what leaves the simulation: names of outside.KINDS.
        self.allowed: frozenset[str] = frozenset(outside.KINDS)
        self.is_stuck: bool = False
        # Conditions that are asked after each step.
        self.watches: list[Any] = []
        reference = weakref.ref(self)

        def stuck() -> None:
            # A bound method would keep a loop that is closed until the next collection of garbage.
            loop = reference()
            if loop is not None:
                loop._stuck()

        self._simulate(
            START if clock == "virtual" else None,
            order.seed,
            order.changes,
            order.length,
            order.deviations,
            patience,
            stuck,
            trace,
        )

    def _stuck(self) -> None:
        """Raise DeadlockError, unless a signal or a thread may bring something."""
        if self._signal_handlers or self._other_threads():
            return
        self.is_stuck = True
        raise DeadlockError("nothing can run any more\n" + graph.of_tasks(self))

    def watch(self) -> None:
        """Ask the conditions that are to hold always. After the first that does not, none is asked."""
        try:
            for one in list(self.watches):
                one.check()
        except BaseException:
            self.watches.clear()
            self._set_watch(None)
            raise

    def finish(self) -> None:
        """The test is over; what is left is about to be cancelled."""
        if self.watches:
            self.watches.clear()
            self._set_watch(None)

    def _other_threads(self) -> set[threading.Thread]:
        idle = set(self._threads_before)
        for executor in (self._default_executor, self._resolver, *self._executors):
            idle |= set(getattr(executor, "_threads", None) or ())
            idle.add(getattr(executor, "_executor_manager_thread", None))  # type: ignore[arg-type]
        return set(threading.enumerate()) - idle

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Call the exception handler, and note what it was called with."""
        self.reported.append({"message": context.get("message"), "exception": context.get("exception")})
        super().call_exception_handler(context)

    # What is under way outside of the loop holds its clock still.

    def begin_hold(self) -> Callable[[], None]:
        """Have the clock stand still until the function that is returned is called."""
        self._hold(1)
        held = [True]

        def release() -> None:
            if held:
                held.clear()
                self._hold(-1)

        return release

    @contextlib.contextmanager
    def _held(self) -> Iterator[None]:
        release = self.begin_hold()
        try:
            yield
        finally:
            release()

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> Any:
        """Call func(*args) in an executor. The clock stands still until it is done."""
        future = super().run_in_executor(executor, func, *args)
        if executor is not None:
            self._executors.add(executor)
        return future

    def _answer_of(self, submitted: Any, func: Callable[..., Any]) -> Any:
        return answer_of(self, submitted, func)

    def _choose_waiter(self, waiters: Any) -> None:
        choose_first(self, waiters)

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Wait until the default executor's threads have ended; the clock stands still."""
        with self._held():
            await super().shutdown_default_executor(timeout)

    async def getaddrinfo(self, host: Any, port: Any, **kwargs: Any) -> Any:
        """Return socket.getaddrinfo(); the clock stands still."""
        with self._held():
            return await super().getaddrinfo(host, port, **kwargs)

    async def getnameinfo(self, sockaddr: Any, flags: int = 0) -> Any:
        """Return socket.getnameinfo(); the clock stands still."""
        with self._held():
            return await super().getnameinfo(sockaddr, flags)

    async def subprocess_shell(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command line. The clock stands still until the child has ended."""
        return await self._held_by_child(super().subprocess_shell(*args, **kwargs))

    async def subprocess_exec(self, *args: Any, **kwargs: Any) -> Any:
        """Run a program. The clock stands still until the child has ended."""
        return await self._held_by_child(super().subprocess_exec(*args, **kwargs))

    async def _held_by_child(self, start: Coroutine[Any, Any, Any]) -> Any:
        with self._held():
            transport, protocol = await start
            if transport.get_returncode() is None:
                release = self.begin_hold()
                exited = transport._process_exited

                def process_exited(status: int) -> None:
                    release()
                    exited(status)

                transport._process_exited = process_exited
            return transport, protocol


def run(
    main: Coroutine[Any, Any, _T],
    *,
    clock: str = "virtual",
    seed: int | None = None,
    policy: str = "mixed",
    depth: int | None = None,
    schedule: str | Iterable[tuple[int, int]] | None = None,
    strict: bool = False,
    network: str = "real",
    allow: Iterable[str] | None = None,
    patience: float = PATIENCE,
    debug: bool | None = None,
) -> _T:
    """Run a coroutine as ferrio.run() does, with time and order in the test's hand. Return its result.

    clock: "virtual" jumps to the next timer when nothing can run; "real" is the machine's.
    seed: an int that chooses an order among those that asyncio allows; None for the ordinary order. It also
    seeds the module random for the time of the run.
    policy: what makes an order of the seed, "random", "pct" or "mixed"; depth is the number of places at
    which PCT's order changes, plus one.
    schedule: deviations from the ordinary order, such as "3:1 8:2". The seed is then for random numbers.
    strict: raise LeakError for tasks, transports and timers that are left at the end, for coroutines that are
    never awaited, and for exceptions that nobody saw.
    network: "real" is the machine's; "memory" is one of ferrio.testing's own, see ferrio.testing.Network.
    allow: what may leave the simulation: "sockets", "threads", "processes", "wall time". The rest raises
    LeavesSimulationError, and time.time() and its like follow the clock unless the wall time is allowed. None
    is nothing with a network in memory, and everything without.
    patience: for so many seconds of the machine the loop listens to real sockets before the clock jumps.
    debug: asyncio's debug mode.

    DeadlockError when nothing can run any more. TypeError and ValueError for arguments that are none,
    RuntimeError when an event loop runs in this thread; else as asyncio.run().
    """
    try:
        if clock not in {"virtual", "real"}:
            raise ValueError(f"a clock is 'virtual' or 'real', got {clock!r}")
        if network not in {"real", "memory"}:
            raise ValueError(f"a network is 'real' or 'memory', got {network!r}")
        allowed = outside.checked(allow, network)
        if not 0 <= patience < threading.TIMEOUT_MAX:
            raise ValueError(f"patience is a number of seconds, got {patience!r}")
        order = Order.of_seed(seed or 0, policy, depth)
        if seed is None or schedule is not None:
            order = Order.of_deviations(() if schedule is None else schedule)
        if asyncio._get_running_loop() is not None:
            raise RuntimeError("ferrio.testing.run() cannot be called from a running event loop")
    except BaseException:
        # It will never be awaited.
        if asyncio.iscoroutine(main):
            main.close()
        raise
    with seeded(seed):
        return run_in_order(
            main,
            order,
            clock=clock,
            strict=strict,
            network=network,
            network_seed=seed or 0,
            allowed=allowed,
            patience=patience,
            debug=debug,
        )


@contextlib.contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Have the module random give the numbers of a seed, and afterwards those that it would have given."""
    if seed is None:
        yield
        return
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)


def run_in_order(
    main: Coroutine[Any, Any, _T],
    order: Order,
    *,
    clock: str,
    strict: bool,
    network: str,
    network_seed: int,
    allowed: frozenset[str],
    patience: float,
    debug: bool | None,
    trace: Callable[[Any, int, int], object] | None = None,
    made: Callable[[SimulatedLoop], object] | None = None,
) -> _T:
    """Run a coroutine in an order. made: called with the loop."""

    def new_loop() -> SimulatedLoop:
        if network == "memory":
            from ferrio.testing.memory_loop import MemoryLoop

            loop: SimulatedLoop = MemoryLoop(order, clock, patience, trace, network_seed=network_seed)
        else:
            loop = SimulatedLoop(order, clock, patience, trace)
        loop.allowed = allowed
        if made is not None:
            made(loop)
        return loop

    runner = Runner(debug=debug, loop_factory=new_loop)
    loop: Any = runner.get_loop()
    noted = checks.Unawaited() if strict else None
    with noted or contextlib.nullcontext():
        with outside.closed(loop, allowed, START), queues_ask(), runner:
            try:
                result: _T = runner.run(main)
            finally:
                loop.finish()
            if strict and (left := checks.left_over(loop)):
                raise LeakError(left)
        if noted is not None:
            _raise_unseen(loop, noted)
    return result


def _raise_unseen(loop: Any, noted: checks.Unawaited) -> None:
    """Raise LeakError for exceptions that nobody saw, and for coroutines that nobody awaited."""
    # An exception that nobody saw is reported when its task is gone.
    gc.collect(1)
    if loop.reported:
        first = loop.reported[0]
        raise LeakError(f"nobody saw: {first['message']}") from first["exception"]
    if names := noted.report():
        raise LeakError("\n".join(names))
