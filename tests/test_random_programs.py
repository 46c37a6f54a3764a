"""Random programs on asyncio and on Ferrio: the same happens in the same order."""

from __future__ import annotations

import pytest
from reliability import programs

PROGRAMS = 500
AT_ONCE = 50


@pytest.mark.parametrize(
    "first",
    # make check runs a fifth of them.
    [
        pytest.param(first, marks=[pytest.mark.slow] * (first >= PROGRAMS // 5))
        for first in range(0, PROGRAMS, AT_ONCE)
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_the_same_happens(first: int) -> None:
    for seed in range(first, first + AT_ONCE):
        assert programs.difference(seed) is None
