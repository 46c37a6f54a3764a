"""pytest's plugin: `pytest --ferrio`, or `asyncio_loop = ferrio` in pytest's ini, runs tests on Ferrio.

Ferrio is installed in asyncio (`ferrio.install()`) before the first conftest.py is imported, and taken out at
the end of the run. pytest-asyncio, anyio's plugin, unittest.IsolatedAsyncioTestCase and tests that call
asyncio.run() then get Ferrio's loop and tasks, because that is what asyncio gives them.

What the suite itself chooses wins: a fixture, an event loop policy, a loop factory, another backend of anyio.
The summary says how many tests ran on another loop, and on which.

pytest imports this module in every run. It is not in the package ferrio because the import of that package
imports the loop. Without the option, nothing of Ferrio is imported.
"""

from __future__ import annotations

import sys
from collections import Counter

import pytest

# typing itself is not imported: other plugins may not need it.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from types import ModuleType
    from typing import Any

__all__ = ()

# What the ini may say.
_LOOPS = ("asyncio", "ferrio")

# Ferrio and asyncio as the first run imported them. A run inside of another run's process (pytester) forgets
# what it imported, but the extension module exists once in a process, with the asyncio of its import.
_modules: dict[str, ModuleType] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option and the ini's name."""
    group = parser.getgroup("ferrio", "asyncio on Ferrio")
    group.addoption(
        "--ferrio",
        action="store_true",
        default=False,
        help="run the tests with Ferrio in place of asyncio, as asyncio_loop = ferrio in the ini does",
    )
    parser.addini(
        "asyncio_loop", "whose asyncio the tests use: asyncio (the default) or ferrio", default="asyncio"
    )


# A wrapper, because pytest imports the first conftest.py in a wrapper of its own.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, Any, Any]:
    """Install Ferrio, if that is wanted."""
    if _is_wanted(early_config):
        _install(early_config)
    return (yield)


def _is_wanted(config: pytest.Config) -> bool:
    loop = str(config.getini("asyncio_loop")).strip() or "asyncio"
    if loop not in _LOOPS:
        raise pytest.UsageError(
            f"asyncio_loop is {loop!r} in the ini, and should be one of: {', '.join(_LOOPS)}"
        )
    return bool(config.known_args_namespace.ferrio) or loop == "ferrio"


def _install(config: pytest.Config) -> None:
    _bring_back()
    try:
        import ferrio

        if not ferrio.installed():
            ferrio.install()
            config.add_cleanup(ferrio.uninstall)
    except (ImportError, RuntimeError) as error:
        raise pytest.UsageError(f"--ferrio: {error}") from error
    config.add_cleanup(_keep)
    config.pluginmanager.register(_Run(), "ferrio-run")


def _is_ours(name: str) -> bool:
    return name.split(".", maxsplit=1)[0] in {"asyncio", "ferrio"}


def _keep() -> None:
    _modules.update((name, module) for name, module in sys.modules.items() if _is_ours(name))


def _bring_back() -> None:
    """Have the modules of an earlier run again, if they were forgotten."""
    if not _modules or sys.modules.get("ferrio") is _modules["ferrio"]:
        return
    if sys.modules.get("asyncio") not in {None, _modules["asyncio"]}:
        raise pytest.UsageError("--ferrio: asyncio was imported again after an earlier run with Ferrio")
    sys.modules.update(_modules)


class _Run:
    """A run with Ferrio installed: it says so, and which tests ran on another loop nevertheless."""

    def __init__(self) -> None:
        # By what the tests ran on: their number.
        self._others: Counter[str] = Counter()

    def pytest_report_header(self) -> str:
        import ferrio

        return f"asyncio: Ferrio {ferrio.__version__}"

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, Any, Any]:
        report = yield
        if call.when == "call" and (other := _other_loop(item)):
            # As an attribute of the report it reaches the process that writes the summary (pytest-xdist).
            report.other_loop = other
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if other := getattr(report, "other_loop", None):
            self._others[other] += 1

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        for other, count in sorted(self._others.items()):
            tests = "test" if count == 1 else "tests"
            terminalreporter.write_line(f"ferrio: {count} {tests} ran {other}, as the tests want it")


def _other_loop(item: pytest.Item) -> str | None:
    """Return on what a test ran, if its fixtures, class or policy chose another loop than Ferrio's."""
    from asyncio import AbstractEventLoop, events, unix_events

    import ferrio
    from ferrio.installation import originals

    arguments: dict[str, Any] = getattr(item, "funcargs", {})
    for value in arguments.values():
        # A fixture may be a lazy object or a mock, of which isinstance() would ask __class__.
        kind = type(value)
        loop = getattr(value, "_loop", None) if issubclass(kind, originals["Runner"]) else value
        if issubclass(type(loop), AbstractEventLoop) and not issubclass(type(loop), ferrio.Loop):
            return f"on {_name(type(loop))}"
    factory = getattr(getattr(item, "cls", None), "loop_factory", None)
    backend = arguments.get("anyio_backend")
    if isinstance(backend, tuple) and len(backend) == 2:
        backend, options = backend
        if isinstance(options, dict):
            factory = options.get("loop_factory") or ("uvloop" if options.get("use_uvloop") else None)
    if isinstance(backend, str) and backend != "asyncio":
        return f"on {backend}"
    if factory is not None:
        return None if _name(factory).startswith("ferrio.") else f"on the loops of {_name(factory)}"
    policy = getattr(events, "_event_loop_policy", None)
    if policy is None or type(policy) is unix_events._UnixDefaultEventLoopPolicy:
        return None
    if getattr(policy, "_loop_factory", None) is ferrio.Loop:
        return None
    return f"with the event loop policy {_name(type(policy))}"


def _name(of: Any) -> str:
    if isinstance(of, str):
        return of
    return f"{getattr(of, '__module__', '?')}.{getattr(of, '__qualname__', repr(of))}"
