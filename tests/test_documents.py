"""The documents name files that exist, and their links lead somewhere."""

import importlib.util
import json
import re
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "benches/notes.md"])
FOLDERS = (".github", "benches", "crates", "docs", "examples", "fuzz", "python", "scripts", "tests")

# The files that the reader makes.
SAVED = {name for path in DOCUMENTS for name in re.findall(r"Save it as\s`([\w.]+)`", path.read_text())}


def files():
    """Every file and folder of the project that a document may name, as "/path/in/the/project"."""
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    found += [*ROOT.glob("*.*"), *(ROOT / folder for folder in FOLDERS)]
    return {f"/{path.relative_to(ROOT)}" for path in found}


def named(text):
    """The files and folders that a text names in backquotes: `loop_/iteration.rs`, `tests/parity/`."""
    names = re.findall(r"`([\w./-]+\.(?:rs|py|pyi|md|txt|tsv|json)|[\w./-]+/)`", text)
    # A name in capitals is for the reader to fill in.
    names = {name.rstrip("/") for name in names if "NAME" not in name}
    # What the reader saves, and what the commands build, is not there before.
    names -= SAVED
    return {name for name in names if name.split("/")[0] not in {"dist", "target"}}


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


# The documents that lead a reader through the code. A path in them begins at one of these places.
GUIDES = ("ARCHITECTURE.md", "SAFETY.md", "CONTRIBUTING.md", "docs/walk-through.md")
PLACES = (".", "crates", "crates/ferrio-core/src", "crates/ferrio-reactor/src", "python/ferrio", "tests")
PATH = re.compile(r"`(?:\./)?([\w.-]+(?:/[\w.-]*)+|[\w-]+\.(?:rs|py|pyi|md|toml|txt))`")


# Folders that commands make, as git ignores them.
MADE = set((ROOT / ".gitignore").read_text().split())


def paths(text):
    """The paths that a text names in backquotes, also those without an extension: `scripts/tools`, `poller/epoll/`."""
    return {name for name in PATH.findall(text) if "NAME" not in name and name.split("/")[0] not in MADE}


def find(name):
    """The files and folders that a guide may mean by a path; a name without a folder may be anywhere."""
    found = [ROOT / place / name for place in PLACES if (ROOT / place / name).exists()]
    if "/" not in name:
        found += [path for folder in FOLDERS for path in (ROOT / folder).rglob(name)]
    return found


@pytest.mark.parametrize("guide", GUIDES)
def test_the_paths_that_a_guide_names_exist(guide):
    names = paths((ROOT / guide).read_text())
    assert names
    assert {name for name in names if not find(name)} == set()


@pytest.mark.parametrize("guide", GUIDES)
def test_what_a_guide_finds_in_a_file_is_there(guide):
    """`_bind_one` in `python/ferrio/loop/servers.py`."""
    text = (ROOT / guide).read_text()
    for name, path in re.findall(r"`(\w+)`\s+in\s+`([\w./-]+)`", text):
        files = [file for file in find(path) if file.is_file()]
        assert any(re.search(rf"\b{name}\b", file.read_text()) for file in files), (name, path)


def test_a_path_that_is_gone_is_noticed():
    assert paths("`transports/gone.rs`, `scripts/tools` and `poller/epoll/`; not `N/A` in code: `a / b`") >= {
        "transports/gone.rs",
        "scripts/tools",
        "poller/epoll/",
    }
    assert not find("transports/gone.rs")
    assert find("scripts/tools") and find("poller/epoll/")


def test_the_walk_through_is_linked():
    for guide in ("ARCHITECTURE.md", "CONTRIBUTING.md"):
        assert "(docs/walk-through.md)" in (ROOT / guide).read_text()


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
    # scripts/console_screenshot makes the picture of the console.
    assert {*(ROOT / "docs/plots").rglob("*.svg"), ROOT / "docs/console.svg"} == shown


README = ROOT / "README.md"


def rows(heading):
    """The cells of a table of the README, its heading and the line below left out."""
    lines = README.read_text().partition(heading)[2].lstrip("\n").splitlines()[1:]
    cells = []
    for line in lines:
        if not line.strip().startswith("|"):
            return cells
        cells.append([cell.strip() for cell in line.strip().strip("|").split("|")])
    return cells


def results(file):
    """The measurements of a file in benches/results/."""
    path = ROOT / "benches/results_file.py"
    specification = importlib.util.spec_from_file_location("results_file", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.read(ROOT / "benches/results" / file)


def rounded(values, shown):
    """The median of measurements, with as many digits as the README shows."""
    digits = len(shown.partition(".")[2])
    return f"{statistics.median(values):.{digits}f}"


def test_the_readme_is_short():
    assert len(README.read_text().splitlines()) < 120


def test_the_measurements_in_the_readme_are_those_of_the_results():
    measured = results("benchmarks.tsv")
    assert measured["machine"]["python"].endswith("3.14.10")
    table = rows("| | Ferrio | uvloop | asyncio |")
    assert len(table) == 3
    for name, *shown in table:
        row = measured["rows"][name.replace("with streams", "by streams")]
        loops = ("ferrio", "uvloop", "asyncio")
        assert shown == [
            rounded(row["cells"][loop]["values"], text) for loop, text in zip(loops, shown, strict=True)
        ], name


def test_the_counts_of_cpythons_tests_in_the_readme_are_those_of_a_run():
    table = rows("| interpreter | tests | passed | known failures | skipped | excluded |")
    assert len(table) == 2
    known = (ROOT / "tests/conformance/known_differences.txt").read_text().splitlines()
    measured = json.loads((ROOT / "docs/data/conformance.json").read_text())
    for interpreter, *shown in table:
        tests, *parts = [int(number.replace(",", "")) for number in shown]
        assert tests == sum(parts)
        assert parts[1] == len([line for line in known if line and not line.startswith("#")])
        counts = measured[interpreter.removeprefix("CPython ")]["loop"]
        kinds = ("tests", "passed", "known", "skipped", "excluded")
        assert [tests, *parts] == [counts[kind] for kind in kinds]
        assert counts["failed"] == 0


def test_the_readme_counts_parity_scripts():
    count = int(re.search(r"more than (\d+) scripts", README.read_text())[1])
    assert len(list((ROOT / "tests/parity").glob("*.py"))) > count
