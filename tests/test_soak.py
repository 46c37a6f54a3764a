"""A minute of mixed load; `make soak` runs ten."""

from __future__ import annotations

import pytest
from reliability import soak

SECONDS = 60


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.filterwarnings("ignore")
def test_nothing_is_lost_and_nothing_grows() -> None:
    assert soak.failures(soak.run(SECONDS)) == []
