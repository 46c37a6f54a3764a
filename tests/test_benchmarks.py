"""The results of the benchmarks are stored so that a new measurement changes its own line only."""

import sys
from pathlib import Path

import pytest

BENCHES = Path(__file__).parents[1] / "benches"
FILES = sorted((BENCHES / "results").glob("*.tsv"))


@pytest.fixture
def results_file(monkeypatch):
    """The module that reads and writes the results."""
    monkeypatch.syspath_prepend(str(BENCHES))
    import results_file  # found by the line above

    yield results_file
    del sys.modules["results_file"]


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_results_are_written_as_they_were_read(results_file, file, tmp_path):
    again = tmp_path / file.name
    results_file.write(again, results_file.read(file))
    assert again.read_text() == file.read_text()


def test_values_and_failures_of_a_cell_are_kept(results_file, tmp_path):
    cells = {
        "ferrio": {"values": [1.5, -2.0, 1e-7]},
        "uvloop": {"values": [3.0], "failure": "no\tanswer\nwithin 60 seconds"},
        "asyncio": {"values": [], "failure": "NotImplementedError"},
    }
    row = {"group": "scheduling", "unit": "ns", "rounds": 3, "cells": cells}
    results = {
        "machine": {"cores": "2"},
        "versions": {"uvloop": "0.23.0", "ferrio": ""},
        "rows": {"a row": row},
    }
    file = tmp_path / "results.tsv"
    results_file.write(file, results)
    # A reason is one line, without tabs.
    cells["uvloop"]["failure"] = "no answer within 60 seconds"
    assert results_file.read(file) == results
