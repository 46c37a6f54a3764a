"""Where attacks are run: one seed in this process, its faults, its descriptors, its certificates.

An attack is a script with a function `run(seed)`, which returns its figures or raises `Fault`. The same seed runs
on asyncio's own loop with `--asyncio`, which tells a fault of the attack from one of Ferrio.
"""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import gc
import json
import logging
import os
import random
import ssl
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ferrio
import trustme

# An attack runs as a script of its own folder.
sys.path.append(str(Path(__file__).parents[1]))

from support.growth import descriptors

# Seconds until a seed that hangs is ended, with the stacks of its threads on stderr.
LIMIT = 25

# Seconds that the end of a connection may take, where nothing but the machine's load is in its way.
PATIENCE = 5.0

on_asyncio = False
tracing = False


class Fault(Exception):
    """What an attack has found."""


class Evil(Exception):
    """What the attack's own callbacks raise."""


def new_loop() -> Any:
    """Return a new loop, of the kind that is attacked."""
    return asyncio.SelectorEventLoop() if on_asyncio else ferrio.new_event_loop()


def library() -> Any:
    """Return the module whose functions belong to the loop that is attacked."""
    return asyncio if on_asyncio else ferrio


def trace(*words: object) -> None:
    """Say what happens, if somebody wants to know."""
    if tracing:
        print(*words, file=sys.stderr, flush=True)


class Faults(logging.Handler):
    """Collects what goes wrong: what the attack notices itself, and what nobody asked the loop to log."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []
        # Exceptions that the attack provokes.
        # What the loop may report, because the attack leaves things as they are.
        self.ignored: str | None = None
        # Whether the attack closes the loop under everybody's feet.
        self.closed_loop = False
        self.expected: tuple[type[BaseException], ...] = (Evil, OSError, ssl.SSLError)

    def add(self, text: str) -> None:
        """Note a fault."""
        trace("FAULT", text)
        if len(self.found) < 20:
            self.found.append(text)

    def exception(self, text: str, error: BaseException | None) -> None:
        """Note a fault if nobody has provoked this exception."""
        if self.closed_loop and str(error) == "Event loop is closed":
            return
        if str(error) == "Invalid state: reading should be paused":
            # A TLS connection ended while a file was sent; asyncio reports it so.
            return
        if error is None or not isinstance(error, self.expected):
            lines = "".join(traceback.format_exception(error)) if error is not None else ""
            self.add(f"{text}\n{lines}".rstrip())

    def handler(self, _: Any, context: dict[str, Any]) -> None:
        """Take what the loop reports."""
        trace("reported:", context.get("message"), repr(context.get("exception")))
        if self.ignored is None or self.ignored not in str(context.get("message")):
            self.exception(f"reported: {context.get('message')}", context.get("exception"))

    def emit(self, record: logging.LogRecord) -> None:
        """Take what is logged beside the loop's handler."""
        self.exception(f"logged: {record.getMessage()}", record.exc_info[1] if record.exc_info else None)

    def unraisable(self, event: Any) -> None:
        """Take an exception that nobody can catch."""
        if not isinstance(event.exc_value, ResourceWarning):
            self.exception(f"unraisable in {event.object!r}", event.exc_value)


def attack(seed: int, program: Callable[[random.Random, Faults, dict[str, int]], None]) -> dict[str, int]:
    """Run a program with its chances. Return its figures; raise Fault for what went wrong."""
    faults, figures = Faults(), {"seeds": 1}
    before = descriptors()
    logger = logging.getLogger("asyncio")
    propagate, hook = logger.propagate, sys.unraisablehook
    logger.addHandler(faults)
    logger.propagate = False
    sys.unraisablehook = faults.unraisable
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program(random.Random(seed), faults, figures)
            gc.collect()
            gc.collect()
    finally:
        logger.removeHandler(faults)
        logger.propagate = propagate
        sys.unraisablehook = hook
    left = descriptors() - before
    if left:
        faults.add(f"left open: {sorted(left)}")
    if faults.found:
        raise Fault("\n".join(faults.found))
    return figures


class Certificates:
    """The TLS contexts of a process; keys are made once."""

    def __init__(self) -> None:
        self.authority = trustme.CA()
        self.stranger = trustme.CA()
        self.server_certificate = self.authority.issue_cert("localhost")
        self.client_certificate = self.authority.issue_cert("client@example.org")
        self.known: dict[Any, tuple[ssl.SSLContext, ssl.SSLContext]] = {}

    def fresh(self, version: ssl.TLSVersion) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        """Return new contexts of a server and of its client."""
        server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.server_certificate.configure_cert(server)
        client = ssl.create_default_context()
        self.authority.configure_trust(client)
        for context in (server, client):
            context.minimum_version = context.maximum_version = version
        return server, client

    def contexts(self, version: ssl.TLSVersion) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        """Return the contexts of a server and of its client, the same ones each time."""
        if version not in self.known:
            self.known[version] = self.fresh(version)
        return self.known[version]

    def files(self, folder: str) -> tuple[str, str]:
        """Write the server's certificate and key, and the authority's certificate; return their paths."""
        both, authority = os.path.join(folder, "server.pem"), os.path.join(folder, "authority.pem")
        self.server_certificate.private_key_and_cert_chain_pem.write_to_path(both)
        self.authority.cert_pem.write_to_path(authority)
        return both, authority


certificates = Certificates()
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
for _version in VERSIONS:
    certificates.contexts(_version)


def folder() -> Any:
    """Return a new folder for the sockets and files of an attack."""
    return tempfile.TemporaryDirectory(prefix="attack")


def main(run: Callable[[int], dict[str, int]]) -> None:
    """Run one seed, as the command line says. Its figures are the last line of stdout."""
    global on_asyncio, tracing
    parser = argparse.ArgumentParser()
    parser.add_argument("seed", type=int)
    parser.add_argument("--asyncio", action="store_true", help="attack asyncio's own loop")
    parser.add_argument("--trace", action="store_true", help="print what happens")
    options = parser.parse_args()
    on_asyncio, tracing = options.asyncio, options.trace
    faulthandler.enable()
    faulthandler.dump_traceback_later(LIMIT, exit=True)
    try:
        figures = run(options.seed)
    except Fault as fault:
        print(fault, file=sys.stderr)
        sys.exit(1)
    faulthandler.cancel_dump_traceback_later()
    print(json.dumps(figures))
