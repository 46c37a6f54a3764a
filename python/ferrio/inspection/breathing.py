"""Giving the GIL away while an answer is worked out, so that the loops of the process go on."""

from __future__ import annotations

import time
from threading import get_ident

__all__ = ("breathe", "breathe_in_this_thread")

# A thread that wants the GIL gets it after 5 ms (sys.getswitchinterval()). A loop that waits for so long in
# each of its iterations would be slow. So the thread that answers works for this time, in seconds, and
# pauses for the other.
_WORKS = 0.0005
_PAUSES = 0.0001

_thread = 0
_since = 0.0


def breathe_in_this_thread() -> None:
    """Have this thread give the GIL away in breathe(). Other threads do not."""
    global _thread
    _thread = get_ident()


def breathe() -> None:
    """Give the GIL away now and then."""
    global _since
    if _thread == get_ident() and time.monotonic() - _since > _WORKS:
        time.sleep(_PAUSES)
        _since = time.monotonic()
