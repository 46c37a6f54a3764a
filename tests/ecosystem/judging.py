"""What differs between asyncio and Ferrio, and what of it counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .running import Run

KNOWN = Path(__file__).parent / "known_differences.txt"
ATTEMPTS = 3

# Runs the tests of these IDs in a mode, alone.
Again = Callable[[str, list[str]], Run]


def known_differences() -> dict[str, str]:
    """Return the tests that may differ, as "suite: test", each with its reason: the comment above it."""
    known: dict[str, str] = {}
    reason: list[str] = []
    in_comment = False
    for line in KNOWN.read_text().splitlines():
        if line.startswith("#"):
            reason = [*(reason if in_comment else []), line[1:].strip()]
            in_comment = True
        elif line.strip():
            known[line.strip()] = " ".join(reason)
            in_comment = False
        else:
            reason, in_comment = [], False
    return known


def reason_of(suite: str, test: str) -> str | None:
    """Return why a test may differ. A name without parameters means the test with all of its parameters."""
    known = known_differences()
    return known.get(f"{suite}: {test}") or known.get(f"{suite}: {test.partition('[')[0]}")


def differing(asyncio: Run, other: Run) -> list[str]:
    """Return the tests that pass on asyncio and not in the other mode, skipped and missing ones among them."""
    return sorted(
        test
        for test, outcome in asyncio.outcomes.items()
        if outcome == "passed" and other.outcomes.get(test) != "passed"
    )


def confirmed(tests: list[str], mode: str, again: Again) -> tuple[list[str], list[str]]:
    """Run the differing tests again, a few times on both; return those that differ, and those that are flaky.

    A test differs if it fails in most attempts in the mode and in none on asyncio; or if it always passes alone, and
    fails once more among the tests of its file.
    """
    if not tests:
        return [], []
    in_mode = [again(mode, tests) for _ in range(ATTEMPTS)]
    on_asyncio = [again("asyncio", tests) for _ in range(ATTEMPTS)]

    def passes(runs: list[Run], test: str) -> int:
        return sum(run.outcomes.get(test) == "passed" for run in runs)

    differs = [
        test
        for test in tests
        if passes(on_asyncio, test) == ATTEMPTS and passes(in_mode, test) <= ATTEMPTS // 2
    ]
    alone = [test for test in tests if passes(in_mode, test) == ATTEMPTS]
    if alone:
        files = sorted({test.partition("::")[0] for test in alone})
        together, reference = again(mode, files), again("asyncio", files)
        differs += [
            test
            for test in alone
            if reference.outcomes.get(test) == "passed" and together.outcomes.get(test) != "passed"
        ]
    return sorted(differs), sorted(set(tests) - set(differs))
