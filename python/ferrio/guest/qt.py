"""Ferrio inside of Qt's main loop, by PySide6 or PyQt6.

result = ferrio.guest.qt.run(main(), app)   # instead of app.exec()
await ferrio.guest.qt.signal(button.clicked)
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import sys
from typing import TYPE_CHECKING, Any, TypeVar

from ferrio import guest as guests

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from ferrio.guest import Guest

    _T = TypeVar("_T")

__all__ = ("QtHost", "run", "signal")

_BINDINGS = ("PySide6", "PyQt6")


def _binding(app: Any) -> Any:
    """The module QtCore that an application is of. TypeError if it is none of Qt's."""
    for name in _BINDINGS:
        if name in sys.modules:
            core = importlib.import_module(f"{name}.QtCore")
            if isinstance(app, core.QCoreApplication):
                return core
    raise TypeError(f"a QApplication of {' or '.join(_BINDINGS)} is expected, got {app!r}")


class QtHost:
    """Qt's main loop as a host; see ferrio.guest.Host."""

    def __init__(self, app: Any) -> None:
        """Make a host. app: a QApplication, QGuiApplication or QCoreApplication. TypeError for all else."""
        self._core = _binding(app)
        self._app = app
        self._guest: Guest | None = None
        self._error: BaseException | None = None

    def run(self, guest: Guest) -> None:
        """Run Qt's main loop until the guest is stopped, or the application quits.

        RuntimeError if the main loop runs already.
        """
        core = self._core
        if core.QThread.currentThread().loopLevel() > 0:
            raise RuntimeError("Qt's main loop is running already")
        self._guest = guest
        notifier = core.QSocketNotifier(guest.fileno(), core.QSocketNotifier.Type.Read)
        notifier.activated.connect(self._serve)
        try:
            self._app.exec()
        finally:
            notifier.setEnabled(False)
            notifier.activated.disconnect(self._serve)
            self._guest = None
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _serve(self, *_: object) -> None:
        guest = self._guest
        if guest is None or self._error is not None:
            return
        try:
            guest.serve()
        except BaseException as error:
            # What leaves a step ends the run. In a slot it would be printed, or end the process.
            self._error = error
        if guest.stopped or self._error is not None:
            self._app.exit()


def run(main: Coroutine[Any, Any, _T], app: Any, *, debug: bool | None = None) -> _T | None:
    """Run a coroutine inside of Qt's main loop and return its result; see ferrio.guest.run().

    When the application quits, as it does when its last window is closed, main is cancelled; None is returned
    if it does not catch that. An exception in a slot goes where the binding sends it, as always.

    app: the application, of PySide6 or PyQt6.
    debug: as for ferrio.guest.run().

    TypeError for what is no application of Qt, RuntimeError if its main loop runs already.
    """
    try:
        host = QtHost(app)
    except TypeError:
        if asyncio.iscoroutine(main):
            main.close()
        raise
    return guests.run(main, host, debug=debug)


async def signal(source: Any) -> tuple[Any, ...]:
    """Wait until a signal of an object is emitted, and return its arguments as a tuple.

    PySide6 leaves out arguments that have a default: button.clicked gives (), button.clicked[bool] gives
    (False,).

    source: a signal that belongs to an object, as button.clicked. It may be emitted in another thread. If the
    object is destroyed meanwhile, nothing comes: the wait ends by cancellation only.

    TypeError for what is no such signal.
    """
    if not callable(getattr(source, "connect", None)) or not callable(getattr(source, "disconnect", None)):
        raise TypeError(f"a signal of an object is expected, got {source!r}")
    loop = asyncio.get_running_loop()
    future: asyncio.Future[tuple[Any, ...]] = loop.create_future()

    def finish(arguments: tuple[Any, ...]) -> None:
        if not future.done():
            future.set_result(arguments)

    def emitted(*arguments: Any) -> None:
        # Qt calls it in the thread that emits.
        loop.call_soon_threadsafe(finish, arguments)

    source.connect(emitted)
    try:
        return await future
    finally:
        # The object may be gone.
        with contextlib.suppress(RuntimeError, TypeError):
            source.disconnect(emitted)
