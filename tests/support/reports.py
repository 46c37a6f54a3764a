"""What a loop's default exception handler logs: exceptions that no code of the program took."""

from __future__ import annotations

import logging


class Reports(logging.Handler):
    """Keeps the texts of errors that are logged under asyncio's name until a test takes them."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        # Texts: a record has a traceback, which holds the test's objects.
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))

    def take(self) -> list[str]:
        """Return the messages with their tracebacks, and forget them: who takes them says which it expects."""
        taken, self.texts = self.texts, []
        return taken
