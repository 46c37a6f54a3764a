"""Functions and files with asyncio's names, through which Ferrio does what asyncio does there.

Detectors of blocking calls know the few places where asyncio itself may block (to look for the path of a
Unix socket, to start a child process). They look in the stack for the end of the file's name and for the
function's name: `asyncio/base_events.py`, `subprocess_exec`. The functions here only call what they are
given.
"""
