"""The pytest plugin: `@pytest.mark.ferrio` runs an async test in many orders (`ferrio.testing`).

pytest loads it by an entry point, in every run. So it imports ferrio.testing only when a test needs it.
"""

from __future__ import annotations

import inspect
from typing import Any

import pytest

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


@pytest.hookimpl(tryfirst=True)  # type: ignore[untyped-decorator,unused-ignore]
def pytest_pyfunc_call(pyfuncitem: Any) -> bool | None:
    """Run a test that is marked; leave others to pytest and its other plugins."""
    marker = pyfuncitem.get_closest_marker("ferrio")
    if marker is None:
        return None
    import asyncio

    from ferrio.testing import explore, run

    function = pyfuncitem.obj
    if not inspect.iscoroutinefunction(function):
        pytest.fail("a test marked ferrio is an async def", pytrace=False)
    if marker.args:
        pytest.fail("the marker ferrio takes keyword arguments only", pytrace=False)
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    options = dict(marker.kwargs)
    seed = pyfuncitem.config.getoption("--ferrio-seed")
    schedules = pyfuncitem.config.getoption("--ferrio-schedules")
    if seed is not None:
        options.pop("schedule", None)
        options["seed"] = seed
    if options.get("seed") is not None or options.get("schedule") is not None:
        for name in ("schedules", "deviations", "first_seed"):
            options.pop(name, None)
        run(function(**arguments), **options)
        return True
    options.pop("seed", None)
    options.pop("schedule", None)
    options.setdefault("schedules", 1)
    if schedules is not None:
        options["schedules"] = schedules
    options.setdefault("failures", (Exception, asyncio.CancelledError, pytest.fail.Exception))
    explore(lambda: function(**arguments), **options)
    return True
