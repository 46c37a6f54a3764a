"""What a loop's default exception handler logs: exceptions that no code of the program took."""

from __future__ import annotations

import logging


class Reports(logging.Handler):
    """Keeps the errors that are logged under asyncio's name until a test takes them."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def take(self) -> list[str]:
        """Return the messages, and forget them: the test that takes them says which it expects."""
        # A record's exception has a traceback, which holds the objects of the test.
        taken = [record.getMessage() for record in self.records]
        self.records.clear()
        return taken
