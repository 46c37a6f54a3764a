"""Ferrio inside of GLib's main loop, by PyGObject; so also inside of GTK.

result = ferrio.guest.glib.run(main())        # instead of GLib.MainLoop().run()
result = ferrio.guest.glib.run(main(), app)   # instead of app.run(), of a Gtk.Application
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from gi.repository import GLib

from ferrio import guest as guests

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from ferrio.guest import Guest

    _T = TypeVar("_T")

__all__ = ("GLibHost", "run")

# GLib calls a source again if this is returned.
_CONTINUE = True


class GLibHost:
    """GLib's main loop as a host; see ferrio.guest.Host."""

    def __init__(self, main_loop: Any = None) -> None:
        """Make a host.

        main_loop: an object with run() and quit(), as GLib.MainLoop and Gtk.Application are; by default a new
        GLib.MainLoop. It has to run in GLib's default context. TypeError for what has no such methods.
        """
        if main_loop is None:
            main_loop = GLib.MainLoop()
        if not callable(getattr(main_loop, "run", None)) or not callable(getattr(main_loop, "quit", None)):
            raise TypeError(f"a main loop of GLib is expected, got {main_loop!r}")
        self._main_loop = main_loop
        self._guest: Guest | None = None
        self._error: BaseException | None = None

    def run(self, guest: Guest) -> None:
        """Run GLib's main loop until the guest is stopped, or the main loop quits."""
        self._guest = guest
        number = GLib.unix_fd_add_full(
            GLib.PRIORITY_DEFAULT, guest.fileno(), GLib.IOCondition.IN, self._serve, None
        )
        # A callback may run the main loop again, which is to serve the guest too.
        GLib.MainContext.default().find_source_by_id(number).set_can_recurse(True)
        try:
            self._main_loop.run()
        finally:
            GLib.source_remove(number)
            self._guest = None
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _serve(self, *_: object) -> bool:
        guest = self._guest
        if guest is None or self._error is not None:
            return _CONTINUE
        try:
            guest.serve()
        except BaseException as error:
            # What leaves a step ends the run. GLib would print it and go on.
            self._error = error
        if guest.stopped or self._error is not None:
            self._main_loop.quit()
        return _CONTINUE


def run(main: Coroutine[Any, Any, _T], main_loop: Any = None, *, debug: bool | None = None) -> _T | None:
    """Run a coroutine inside of GLib's main loop and return its result; see ferrio.guest.run().

    When the main loop quits before, main is cancelled; None is returned if it does not catch that.

    main_loop: an object with run() and quit(), as GLib.MainLoop and Gtk.Application are; by default a new
    GLib.MainLoop.
    debug: as for ferrio.guest.run().

    TypeError for a main loop that has no such methods.
    """
    try:
        host = GLibHost(main_loop)
    except TypeError:
        if asyncio.iscoroutine(main):
            main.close()
        raise
    return guests.run(main, host, debug=debug)
