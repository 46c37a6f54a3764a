"""What Ferrio can use of the interpreter that it runs in."""

from __future__ import annotations

__all__ = ("features",)


def features() -> dict[str, str]:
    """Return what Ferrio uses in this process, where there is a choice.

    "tls": "openssl" where new connections call the interpreter's OpenSSL directly, "ssl" where they call
    methods of the ssl module's objects. The environment variable FERRIO_OPENSSL=0 chooses the second.
    "tasks": "asyncio" where Ferrio's tasks stand in the interpreter's own lists, so that its tools see them,
    "ferrio" where they do not.
    """
    from ferrio import tasks, tls

    return {
        "tls": "openssl" if tls.uses_openssl() else "ssl",
        "tasks": "ferrio" if tasks._reason else "asyncio",
    }
