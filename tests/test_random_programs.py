"""Random programs on asyncio and on Ferrio: the same happens in the same order."""

from __future__ import annotations

import pytest
from reliability import programs

PROGRAMS = 500
AT_ONCE = 50


@pytest.mark.parametrize("first", range(0, PROGRAMS, AT_ONCE))
@pytest.mark.filterwarnings("ignore")
def test_the_same_happens(first: int) -> None:
    for seed in range(first, first + AT_ONCE):
        assert programs.difference(seed) is None
