"""Interrupts for the steps of api.py: an exception out of a signal handler."""

from __future__ import annotations

import signal


class Interrupted(BaseException):
    """A step has taken too long."""


# Whether the step that runs may be interrupted. A list, so that all modules see the same.
INTERRUPTS = [False]


def interrupt(*_: object) -> None:
    """Interrupt a step that takes too long."""
    if INTERRUPTS[0]:
        raise Interrupted


def interrupt_after(seconds: float) -> None:
    """Interrupt this thread after so many seconds, and again and again; 0 ends that."""
    INTERRUPTS[0] = bool(seconds)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.05 if seconds else 0)
