"""Ferrio: Python's asyncio, written in Rust.

ferrio.run(main())                                       # instead of asyncio.run
asyncio.run(main(), loop_factory=ferrio.new_event_loop)  # or as a loop only
ferrio.install()                                         # asyncio's own names now give Ferrio's
import ferrio as asyncio                                 # every name that asyncio has

(To pytest, which would rewrite the assertions of every package with a plugin: PYTEST_DONT_REWRITE.)
"""

from __future__ import annotations

import gc as _gc
import os as _os
import sys as _sys

# `python -m ferrio` imports this package to find its __main__.py, which does not need the rest. It removes
# this module before it runs a program, so that a later import gets all of ferrio (ferrio.startup). While the
# interpreter looks for the module of -m, argv begins with "-m", and the module's name precedes the program's
# own arguments.
_only_finds_main = (
    _sys.argv[:1] == ["-m"]
    and "runpy" in _sys.modules
    and _sys.orig_argv[-len(_sys.argv) :][:1] in (["ferrio"], ["-mferrio"])
)

if not _only_finds_main:
    # Imported objects stay alive. Looking for garbage among them would take as long as the import.
    _collects = _gc.isenabled()
    _gc.disable()
    try:
        import asyncio as _asyncio

        # asyncio's exceptions, abstract classes and constants are Ferrio's too.
        from asyncio import *

        from ferrio import tasks as _tasks
        from ferrio import versions as _versions
        from ferrio._core import (
            Future,
            Handle,
            Task,
            TimerHandle,
            __version__,
            create_task,
            gather,
            shield,
            sleep,
            timeout,
            timeout_at,
            to_thread,
            wait,
            wrap_future,
        )
        from ferrio.loop import Loop
        from ferrio.runners import Runner, run
    finally:
        if _collects:
            _gc.enable()

    # typing itself is not imported: that takes as long as half of asyncio.
    TYPE_CHECKING = False
    if TYPE_CHECKING:
        from typing import Any as _Any

    # Earlier interpreters have other implementations, which are not replaced.
    if _versions.WAIT_FOR_RUNS_IN_PLACE:
        from ferrio._core import wait_for
    if _versions.AS_COMPLETED_IS_ASYNC_ITERATOR:
        from ferrio._core import as_completed
    if _versions.CALL_GRAPHS:
        from ferrio._core import future_add_to_awaited_by, future_discard_from_awaited_by
    if hasattr(_asyncio, "eager_task_factory"):
        from ferrio.tasks import eager_task_factory

    __all__ = ("DeadlockError", "EventLoopPolicy", "Loop", "Stats", "TaskGroup", "dump_on_signal", "explain")
    __all__ += ("features", "install", "installed", "listen", "note_owners", "stats", "uninstall")
    __all__ += ("watch_blocking",)
    __all__ += _asyncio.__all__

    # Imported at their first use, so that a program does not wait at its start for what it does not use.
    _ON_DEMAND = {
        name: module
        for module, names in {
            "capabilities": ("features",),
            "events": ("new_event_loop",),
            "inspection.blocking": ("watch_blocking",),
            "inspection.deadlocks": ("DeadlockError",),
            "inspection.dump": ("dump_on_signal",),
            "inspection.explanation": ("explain",),
            "inspection.owners": ("note_owners",),
            "inspection.server": ("listen",),
            "inspection.statistics": ("Stats", "stats"),
            "installation": ("install", "installed", "uninstall"),
            "locks": ("Barrier", "BoundedSemaphore", "Condition", "Event", "Lock", "Semaphore"),
            # Newer interpreters warn about policies.
            "policy": ("EventLoopPolicy",),
            "queues": ("LifoQueue", "PriorityQueue", "Queue"),
            "streams": (
                "StreamReader",
                "StreamReaderProtocol",
                "StreamWriter",
                "open_connection",
                "open_unix_connection",
                "start_server",
                "start_unix_server",
            ),
            "taskgroups": ("TaskGroup",),
            "timeouts": ("Timeout",),
            "unix_events": ("EventLoop", "SelectorEventLoop")
            if hasattr(_asyncio, "EventLoop")
            else ("SelectorEventLoop",),
        }.items()
        for name in names
    }
    for _name in _ON_DEMAND:
        globals().pop(_name, None)  # asyncio's

    def __getattr__(name: str) -> _Any:
        """Import a name at its first use. Names that are not Ferrio's are asyncio's, with its warnings."""
        from importlib import import_module, util

        if name in _ON_DEMAND:
            value = globals()[name] = getattr(import_module(f"ferrio.{_ON_DEMAND[name]}"), name)
            return value
        if not name.startswith("__"):
            theirs = getattr(_asyncio, name, None)
            if theirs is not None and type(theirs) is not type(_asyncio):
                return theirs
            # A module: Ferrio's own before asyncio's. Later uses find it without a search.
            if util.find_spec(f"ferrio.{name}"):
                return import_module(f"ferrio.{name}")
            if theirs is not None:
                globals()[name] = theirs
                return theirs
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *_ON_DEMAND})

    # For programs that python -m ferrio has not started.
    if _os.environ.get("FERRIO_LISTEN", "0") != "0" and not _sys.flags.ignore_environment:
        from ferrio.inspection.server import serve as _serve

        _serve()
    _threshold = _os.environ.get("FERRIO_SLOW_CALLBACK", "0")
    if _threshold not in {"", "0"} and not _sys.flags.ignore_environment:
        from ferrio.inspection.blocking import watch_by_environment as _watch

        _watch(_threshold)

    # Under python -m ferrio, what imports this package installs it.
    _startup = _sys.modules.get("ferrio.startup")
    if _startup is not None:
        _startup.imported(_sys.modules[__name__])
