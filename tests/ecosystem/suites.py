"""The suites: which package, which of its tests, and what they need.

`pins/NAME.txt` has the exact version of everything that is installed beside the package.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Suite:
    """The tests of one package."""

    # The name of the package, and the version whose source distribution has the tests.
    name: str
    version: str
    # What the tests need besides the package, as pip takes it. `pins/NAME.txt` is made from this.
    needs: tuple[str, ...]
    # What pytest is told: files, folders, options.
    pytest: tuple[str, ...] = ("tests",)
    # Extras of the package.
    extras: str = ""
    # Folders of the source distribution that hide the package which is installed.
    hides: tuple[str, ...] = ()
    # Tests that cannot run here on any loop, each with the reason.
    left_out: dict[str, str] = field(default_factory=dict)
    # The server that the tests talk to: a function of `services.py`.
    service: str = ""
    # Seconds after which a single test counts as hanging.
    test_limit: int = 60
    # Seconds without news of a test after which the suite is ended, for a test that cannot be interrupted.
    limit: int = 240


_PYTEST = ("pytest", "pytest-timeout")

SUITES: dict[str, Suite] = {
    suite.name: suite
    for suite in (
        Suite(
            "janus",
            "2.0.0",
            (*_PYTEST, "pytest-asyncio", "pytest-codspeed"),
            hides=("janus",),
        ),
        Suite("aiosignal", "1.4.0", (*_PYTEST, "pytest-asyncio"), hides=("aiosignal",)),
        Suite("async-timeout", "5.0.1", (*_PYTEST, "pytest-asyncio"), hides=("async_timeout",)),
        Suite("aiofiles", "25.1.0", (*_PYTEST, "pytest-asyncio")),
        Suite("aiosqlite", "0.22.1", _PYTEST, ("aiosqlite/tests/smoke.py",)),
        Suite(
            "anyio",
            "4.16.0",
            (
                *_PYTEST,
                "blockbuster",
                "hypothesis",
                "psutil",
                "pytest-mock",
                "trustme",
                "truststore",
                "coverage",
            ),
            ("tests", "-m", "not network"),
        ),
        Suite(
            "httpcore",
            "1.0.9",
            (*_PYTEST, "trio", "pytest-httpbin", "pytest-trio"),
            extras="asyncio,http2,socks,trio",
            hides=("httpcore",),
        ),
        Suite(
            "httpx",
            "0.28.1",
            (*_PYTEST, "trio", "trustme", "uvicorn", "chardet==5.2.0", "cryptography", "trio-typing"),
            extras="brotli,cli,http2,socks,zstd",
            hides=("httpx",),
        ),
        Suite(
            "starlette",
            "1.10.0",
            (*_PYTEST, "trio", "httpx2[zstd]", "blockbuster", "opentelemetry-sdk", "pytest-codspeed"),
            extras="full",
            hides=("starlette",),
        ),
        Suite(
            "uvicorn",
            "0.54.0",
            (
                *_PYTEST,
                "pytest-mock",
                "pytest-codspeed",
                "trustme",
                "cryptography",
                "httpx2",
                "a2wsgi",
                "wsproto",
                "zttp",
                "pytest-xdist",
            ),
            extras="standard",
            hides=("uvicorn",),
        ),
        Suite(
            "aiohttp",
            "3.14.5",
            (
                *_PYTEST,
                "blockbuster",
                "freezegun",
                "pytest-mock",
                "pytest-cov",
                "pytest-xdist",
                "pytest_codspeed",
                "proxy.py",
                "re-assert",
                "setuptools-git",
                "trustme",
                "zlib_ng",
                "cryptography",
            ),
            # Left out: each module imported in a process of its own, the tests of parsers, in which no loop runs, and the
            # benchmarks.
            pytest=(
                "tests",
                "--ignore=tests/test_circular_imports.py",
                "--ignore=tests/test_imports.py",
                "--ignore=tests/test_http_parser.py",
                "--ignore-glob=tests/test_benchmarks_*.py",
            ),
            extras="speedups",
            hides=("aiohttp",),
        ),
        Suite(
            "tornado",
            "6.6.1",
            _PYTEST,
            ("tornado/test", "-p", "tornado_logs"),
            left_out={
                "tornado/test/autoreload_test.py": "it starts Python up to four times in four seconds, which fails "
                "on a busy machine; the loop is not the one that these tests run on"
            },
        ),
        Suite("pytest-asyncio", "1.5.0", (*_PYTEST, "coverage", "hypothesis")),
        Suite(
            "redis",
            "8.1.0",
            (
                *_PYTEST,
                "pytest-asyncio",
                "numpy",
                "redis-entraid",
                "pybreaker",
                "xxhash",
                "cryptography",
                "PyJWT",
                "aiohttp",
            ),
            # The others want Redis with modules, a cluster, TLS or several servers.
            (
                "tests/test_asyncio",
                "--ignore=tests/test_asyncio/test_scenario",
                "-m",
                "not redismod and not onlycluster and not ssl and not replica and not cp_integration "
                "and not multidb_integration",
            ),
            service="redis",
        ),
        Suite("asyncpg", "0.32.0", (*_PYTEST, "distro"), hides=("asyncpg",), service="postgresql"),
    )
}

# The suite that CI runs: under a minute, without a server.
QUICK = ("janus",)
