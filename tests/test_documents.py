"""The documents name files that exist, and their links lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "benches/notes.md"])
FOLDERS = ("benches", "crates", "docs", "examples", "fuzz", "python", "scripts", "tests")


def files():
    """Every file and folder of the project that a document may name, as "/path/in/the/project"."""
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    found += [*ROOT.glob("*.*"), *(ROOT / folder for folder in FOLDERS)]
    return {f"/{path.relative_to(ROOT)}" for path in found}


def named(text):
    """The files and folders that a text names in backquotes: `loop_/iteration.rs`, `tests/parity/`."""
    names = re.findall(r"`([\w./-]+\.(?:rs|py|pyi|md|txt|tsv|json)|[\w./-]+/)`", text)
    # A name in capitals is for the reader to fill in.
    return {name.rstrip("/") for name in names if "NAME" not in name}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_files_that_a_document_names_exist(document):
    known = files()
    missing = {
        name for name in named(document.read_text()) if not any(path.endswith(f"/{name}") for path in known)
    }
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_links_of_a_document_lead_to_files(document):
    links = re.findall(r"\]\(([^)#:]+)\)", document.read_text())
    # What the report includes is read where the report is.
    folder = ROOT / "docs" if document.name == "notes.md" else document.parent
    assert [link for link in links if not (folder / link).exists()] == []


def test_the_attacks_that_the_safety_document_names_exist():
    attacks = re.findall(r"`(test_\w+\.py)`: `(\w+)`", (ROOT / "SAFETY.md").read_text())
    assert attacks
    for file, name in attacks:
        assert name in (ROOT / "tests" / file).read_text(), (file, name)


def test_every_plot_is_shown():
    shown = {
        (document.parent / link).resolve()
        for document in DOCUMENTS
        for link in re.findall(r"!\[[^\]]*\]\(([^)]+\.svg)\)", document.read_text())
    }
    assert set((ROOT / "docs/plots").rglob("*.svg")) == shown
