"""Ferrio inside of Tkinter's main loop.

result = ferrio.guest.tk.run(main(), root)   # instead of root.mainloop()
event = await ferrio.guest.tk.event(button, "<Button-1>")
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import tkinter
from typing import TYPE_CHECKING, Any, TypeVar

from ferrio import guest as guests

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from ferrio.guest import Guest

    _T = TypeVar("_T")

__all__ = ("TkHost", "event", "run")

# Tk draws when it finds no event at all, and a busy guest is an event each time. After so many seconds
# the guest has drawn what waits for that. It costs microseconds if nothing does.
_SECONDS_UNDRAWN = 0.004

_CLOSED = "WM_DELETE_WINDOW"


class TkHost:
    """Tkinter's main loop as a host; see ferrio.guest.Host.

    The window's close button cancels what the loop runs for, unless the program has a handler of its own for
    it. The window stays until that has ended.
    """

    def __init__(self, root: tkinter.Misc) -> None:
        """Make a host. root: the window of which mainloop() runs. TypeError for what is no widget."""
        if not isinstance(root, tkinter.Misc):
            raise TypeError(f"a widget of tkinter is expected, got {root!r}")
        self._root = root
        self._guest: Guest | None = None
        self._error: BaseException | None = None
        self._is_closed = False
        self._drawn = 0.0

    def run(self, guest: Guest) -> None:
        """Run Tkinter's main loop until the guest is stopped, or the window is gone."""
        root, descriptor = self._root, guest.fileno()
        self._guest = guest
        root.tk.createfilehandler(descriptor, tkinter.READABLE, self._serve)
        closing = self._watch_close_button()
        try:
            root.mainloop()
        finally:
            root.tk.deletefilehandler(descriptor)
            if closing is not None:
                self._forget_close_button(*closing)
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
            self._draw()
        except BaseException as error:
            # What leaves a step ends the run, and not only this event. Tk would show it and go on.
            self._error = error
        if guest.stopped or self._error is not None:
            # The application may be gone.
            with contextlib.suppress(tkinter.TclError):
                self._root.quit()

    def _draw(self) -> None:
        now = time.monotonic()
        if now - self._drawn >= _SECONDS_UNDRAWN:
            self._drawn = now
            with contextlib.suppress(tkinter.TclError):
                self._root.tk.call("update", "idletasks")

    def _watch_close_button(self) -> tuple[str, str] | None:
        """Handle the close button, unless the program does. Return the command before, and its own."""
        root = self._root.winfo_toplevel()
        before = str(root.protocol(_CLOSED))
        # Tkinter itself makes it destroy(), of which the command has a number before the function's name.
        if before and not before.endswith("destroy"):
            return None
        root.protocol(_CLOSED, self._close)
        return before, str(root.protocol(_CLOSED))

    def _forget_close_button(self, before: str, command: str) -> None:
        # The window may be gone.
        with contextlib.suppress(tkinter.TclError):
            root = self._root.winfo_toplevel()
            if str(root.protocol(_CLOSED)) == command:
                root.tk.call("wm", "protocol", str(root), _CLOSED, before)
                root.deletecommand(command)
            if self._is_closed:
                root.destroy()

    def _close(self) -> None:
        loop = self._guest and self._guest.get_loop()
        if isinstance(loop, guests.HostedLoop):
            self._is_closed = True
            loop.end()
        else:
            self._root.winfo_toplevel().destroy()


def run(main: Coroutine[Any, Any, _T], root: tkinter.Misc, *, debug: bool | None = None) -> _T | None:
    """Run a coroutine inside of Tkinter's main loop and return its result; see ferrio.guest.run().

    The window's close button, and destroy(), cancel main; None is returned if it does not catch that. After
    the close button the window is destroyed when main has ended; otherwise it stays. An exception in a
    callback of Tk goes to report_callback_exception(), as always.

    root: the window of which mainloop() runs.
    debug: as for ferrio.guest.run().

    TypeError for a root that is no widget.
    """
    try:
        host = TkHost(root)
    except TypeError:
        if asyncio.iscoroutine(main):
            main.close()
        raise
    return guests.run(main, host, debug=debug)


async def event(widget: tkinter.Misc, sequence: str) -> tkinter.Event[tkinter.Misc]:
    """Wait for the next event of a widget, and return it. Other bindings of the widget stay as they are.

    sequence: which event, as for widget.bind(): "<Button-1>".

    tkinter.TclError for a sequence that is none, and when the widget is destroyed meanwhile.
    """
    future: asyncio.Future[tkinter.Event[tkinter.Misc]] = asyncio.get_running_loop().create_future()

    def happened(happening: tkinter.Event[tkinter.Misc]) -> None:
        if not future.done():
            future.set_result(happening)

    def destroyed(happening: tkinter.Event[tkinter.Misc]) -> None:
        if not future.done() and happening.widget is widget:
            future.set_exception(tkinter.TclError("the widget was destroyed before the event"))

    commands = [(sequence, widget.bind(sequence, happened, "+"))]
    try:
        if sequence != "<Destroy>":
            commands.append(("<Destroy>", widget.bind("<Destroy>", destroyed, "+")))
        return await future
    finally:
        # The widget may be gone, and its bindings with it.
        with contextlib.suppress(tkinter.TclError):
            for bound, command in commands:
                _unbind(widget, bound, command)


def _unbind(widget: tkinter.Misc, sequence: str, command: str) -> None:
    """Take one command out of a binding. Misc.unbind() takes all of them in some versions."""
    what = ("bind", str(widget), sequence)
    script = str(widget.tk.call(*what))
    others = [line for line in script.split("\n") if not line.startswith(f'if {{"[{command} ')]
    kept = "\n".join(others)
    widget.tk.call(*what, kept if kept.strip() else "")
    widget.deletecommand(command)
