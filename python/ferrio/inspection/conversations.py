"""The conversations of the server with its clients: a line of JSON is the question, JSON is the answer.

One thread has all of them, and waits for none: a client that says nothing, that does not read its answer or
that sends garbage keeps no other waiting. Many clients with one question share the work, and the work takes
a part of the time only.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import time

from ferrio.inspection.breathing import breathe_in_this_thread

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ("converse",)

# How many seconds a client may take to ask, and to read the answer.
_PATIENCE = 10.0

# The longest question, in bytes. A task's name is the longest part of it.
_LONGEST_QUESTION = 4096

# So many clients at a time; the kernel keeps the others waiting.
_MOST_CLIENTS = 64

# After an answer that took some time, the next one is worked out after so many times that time.
_REST = 1.0

# SO_PEERCRED gives three ints: pid, uid and gid (man 7 unix).
_CREDENTIALS_SIZE = 12

# Seconds between two looks at whether anybody has asked for the times of tasks.
_WATCH = 1.0


class _Client:
    """A connection: what it has asked so far, and what it has not been told yet."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.question = b""
        self.answer = memoryview(b"")
        self.deadline = time.monotonic() + _PATIENCE


class _Server:
    def __init__(self, listener: socket.socket, answer: Callable[[dict[str, Any]], Any]) -> None:
        self.listener = listener
        self.answer = answer
        self.selector = selectors.DefaultSelector()
        self.clients: dict[int, _Client] = {}
        # The questions, in the order of their arrival, and who has asked them.
        self.questions: dict[bytes, list[_Client]] = {}
        self.rests_until = 0.0
        self.accepts = False
        # Returns whether it wants to be asked again; see `ferrio.inspection.statistics`.
        self.watch: Callable[[], bool] | None = None
        listener.setblocking(False)

    def run(self) -> None:
        while True:
            waiting = sum(map(len, self.questions.values()))
            self._listen(len(self.clients) + waiting < _MOST_CLIENTS)
            for key, events in self.selector.select(self._time_to_wait()):
                client = key.data
                if client is None:
                    self._accept()
                elif events & selectors.EVENT_WRITE:
                    self._tell(client)
                else:
                    self._hear(client)
            now = time.monotonic()
            for client in [one for one in self.clients.values() if one.deadline < now]:
                self._drop(client)
            if self.questions and now >= self.rests_until:
                self._answer_one()
            if self.watch is not None and not self.watch():
                self.watch = None

    def _listen(self, accepts: bool) -> None:
        if accepts and not self.accepts:
            self.selector.register(self.listener, selectors.EVENT_READ, None)
        elif self.accepts and not accepts:
            self.selector.unregister(self.listener)
        self.accepts = accepts

    def _time_to_wait(self) -> float | None:
        times = [client.deadline - time.monotonic() for client in self.clients.values()]
        if self.questions:
            times.append(self.rests_until - time.monotonic())
        if self.watch is not None:
            times.append(_WATCH)
        return max(0.0, min(times)) + 0.001 if times else None

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            connection, _ = self.listener.accept()
            connection.setblocking(False)
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS_SIZE)
            _, uid, _ = memoryview(credentials).cast("i")
            if uid not in {os.getuid(), 0}:
                connection.close()
                return
            client = self.clients[connection.fileno()] = _Client(connection)
            self.selector.register(connection, selectors.EVENT_READ, client)

    def _drop(self, client: _Client) -> None:
        number = client.connection.fileno()
        if self.clients.get(number) is client:
            del self.clients[number]
            self.selector.unregister(client.connection)
        client.connection.close()

    def _hear(self, client: _Client) -> None:
        try:
            data = client.connection.recv(_LONGEST_QUESTION)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        client.question += data
        line, newline, _ = client.question.partition(b"\n")
        if newline or len(client.question) > _LONGEST_QUESTION:
            # What follows the question is not read.
            self.selector.unregister(client.connection)
            del self.clients[client.connection.fileno()]
            self.questions.setdefault(line, []).append(client)
        elif not data:
            self._drop(client)

    def _answer_one(self) -> None:
        """Answer a question, for all that have asked it."""
        line = next(iter(self.questions))
        clients = self.questions.pop(line)
        began = time.monotonic()
        import json

        try:
            question = json.loads(line[:_LONGEST_QUESTION])
            if not isinstance(question, dict):
                raise ValueError("no object")
            answer = self.answer(question)
        except (ValueError, RecursionError):
            answer = {"error": "that is no question"}
        except Exception as error:
            answer = {"error": f"{type(error).__name__} while the answer was worked out"}
        if question_of_times(answer):
            from ferrio.inspection.statistics import end_looking

            self.watch = end_looking
        # A name of the program's may have lone surrogates; ASCII has none.
        data = json.dumps(answer).encode()
        now = time.monotonic()
        self.rests_until = now + (now - began) * _REST
        for client in clients:
            client.answer = memoryview(data)
            client.deadline = now + _PATIENCE
            self.clients[client.connection.fileno()] = client
            self.selector.register(client.connection, selectors.EVENT_WRITE, client)

    def _tell(self, client: _Client) -> None:
        try:
            count = client.connection.send(client.answer)
        except BlockingIOError:
            return
        except OSError:
            self._drop(client)
            return
        client.answer = client.answer[count:]
        if not client.answer:
            self._drop(client)


def question_of_times(answer: Any) -> bool:
    """Return whether an answer has the times of tasks, which are noted for a while then."""
    return isinstance(answer, dict) and "loops" in answer


def converse(listener: socket.socket, answer: Callable[[dict[str, Any]], Any]) -> None:
    """Answer questions for ever. answer: gets a question; what it returns becomes JSON."""
    breathe_in_this_thread()
    _Server(listener, answer).run()
