"""The pytest plugin: `@pytest.mark.ferrio` runs an async test in many orders (`ferrio.testing`).

The test may use async fixtures; they are made anew for each order, on its loop. It may be marked for
pytest-asyncio or anyio too, or be a test of hypothesis: the marker wins, and these plugins see a test that is
not async.

pytest loads this module by an entry point, in every run. So it imports ferrio.testing only when a test needs
it.
"""

from __future__ import annotations

import contextlib
import inspect

import pytest

# typing itself is not imported: other plugins may not need it.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any

__all__ = ()

_MARKER = (
    "ferrio(schedules=1, clock='virtual', schedule=None, seed=None, **options): run an async test with "
    "ferrio.testing, in so many orders or in one; the options are those of ferrio.testing.explore() or run()"
)


def pytest_addoption(parser: Any) -> None:
    """Add the options of the command line."""
    group = parser.getgroup("ferrio")
    group.addoption(
        "--ferrio-seed", type=int, metavar="N", help="run tests marked ferrio in the order of this seed alone"
    )
    group.addoption(
        "--ferrio-schedules", type=int, metavar="N", help="run tests marked ferrio in so many orders"
    )


def pytest_configure(config: Any) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", _MARKER)


# The test


# A wrapper, because other plugins look for async tests first as well.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: Any) -> Generator[None, Any, Any]:
    """Put a function that runs the test in orders into the place of a test that is marked."""
    marker = pyfuncitem.get_closest_marker("ferrio")
    if marker is None:
        return (yield)
    if marker.args:
        pytest.fail("the marker ferrio takes keyword arguments only", pytrace=False)
    function = pyfuncitem.obj
    # The function of a test of hypothesis gets what hypothesis draws.
    of_hypothesis = getattr(function, "hypothesis", None)
    owner, name = (pyfuncitem, "obj") if of_hypothesis is None else (of_hypothesis, "inner_test")
    original = getattr(owner, name)
    # pytest-asyncio has wrapped it.
    test = inspect.unwrap(original, stop=inspect.iscoroutinefunction)
    if not inspect.iscoroutinefunction(test):
        pytest.fail("a test marked ferrio is an async def", pytrace=False)
    setattr(owner, name, _runner(pyfuncitem, test, dict(marker.kwargs)))
    try:
        return (yield)
    finally:
        setattr(owner, name, original)


def _runner(pyfuncitem: Any, test: Callable[..., Any], options: dict[str, Any]) -> Callable[..., None]:
    """Return a function that runs a test in its orders."""
    seed = pyfuncitem.config.getoption("--ferrio-seed")
    schedules = pyfuncitem.config.getoption("--ferrio-schedules")
    if seed is not None:
        options.pop("schedule", None)
        options["seed"] = seed
    is_one_run = options.get("seed") is not None or options.get("schedule") is not None

    def run_test(*positional: Any, **arguments: Any) -> None:
        import asyncio

        from ferrio.testing import explore, run

        def main() -> Any:
            if not any(isinstance(value, _AsyncFixture) for value in pyfuncitem.funcargs.values()):
                return test(*positional, **arguments)
            coroutine: Any = _with_fixtures(test, positional, arguments, pyfuncitem.funcargs)
            # Reports name the test.
            coroutine.__name__, coroutine.__qualname__ = test.__name__, test.__qualname__
            return coroutine

        if is_one_run:
            for name in ("schedules", "deviations", "first_seed", "failures"):
                options.pop(name, None)
            run(main(), **options)
            return
        options.pop("seed", None)
        options.pop("schedule", None)
        options.setdefault("schedules", 1)
        if schedules is not None:
            options["schedules"] = schedules
        options.setdefault("failures", (Exception, asyncio.CancelledError, pytest.fail.Exception))
        explore(main, **options)

    return run_test


# Async fixtures


class _AsyncFixture:
    """The value of an async fixture for pytest: how it is made."""

    def __init__(self, name: str, function: Callable[..., Any], arguments: dict[str, Any]) -> None:
        self.name, self.function, self.arguments = name, function, arguments


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(fixturedef: Any, request: Any) -> Generator[None, Any, Any]:
    """Have pytest remember how an async fixture of a test that is marked is made; the test makes it."""
    item = getattr(request, "_pyfuncitem", None)
    if item is None or item.get_closest_marker("ferrio") is None:
        return (yield)
    function = fixturedef.func
    name = fixturedef.argname
    if not (inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)):
        for needed in fixturedef.argnames:
            if needed != "request" and isinstance(request.getfixturevalue(needed), _AsyncFixture):
                pytest.fail(
                    f"the fixture {name!r} is not async, and needs the async fixture {needed!r}, which is "
                    "made when the test marked ferrio runs; make it async too",
                    pytrace=False,
                )
        return (yield)
    if fixturedef.scope != "function":
        pytest.fail(
            f"the async fixture {name!r} has the scope {fixturedef.scope!r}; a test marked ferrio makes its "
            "async fixtures for each order, so that their scope is 'function'",
            pytrace=False,
        )
    bound = function
    instance = request.instance
    if inspect.ismethod(function) and isinstance(instance, type(function.__self__)):
        bound = function.__func__.__get__(instance)

    def remember(**arguments: Any) -> _AsyncFixture:
        return _AsyncFixture(name, bound, arguments)

    fixturedef.func = remember
    try:
        return (yield)
    finally:
        fixturedef.func = function


async def _with_fixtures(
    test: Callable[..., Any], positional: Any, arguments: dict[str, Any], all_of_them: dict[str, Any]
) -> None:
    """Make the async fixtures, run the test, and end them in the opposite order."""
    made: dict[int, Any] = {}
    async with contextlib.AsyncExitStack() as stack:
        # Those that a test does not name among them (autouse).
        for value in all_of_them.values():
            await _value(value, made, stack)
        values = {name: await _value(value, made, stack) for name, value in arguments.items()}
        await test(*positional, **values)


async def _value(fixture: Any, made: dict[int, Any], stack: contextlib.AsyncExitStack) -> Any:
    if not isinstance(fixture, _AsyncFixture):
        return fixture
    if id(fixture) not in made:
        arguments = {name: await _value(value, made, stack) for name, value in fixture.arguments.items()}
        result = fixture.function(**arguments)
        if inspect.isasyncgen(result):
            made[id(fixture)] = await anext(result)
            stack.push_async_callback(_end, fixture.name, result)
        else:
            made[id(fixture)] = await result
    return made[id(fixture)]


async def _end(name: str, generator: Any) -> None:
    async for _ in generator:
        await generator.aclose()
        pytest.fail(f"the fixture {name!r} has more than one yield", pytrace=False)
