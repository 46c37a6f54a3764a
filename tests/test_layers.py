"""Imports point downward only: between Python and the crates, and between the modules of ferrio-core."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def dependencies(crate):
    """The crates that a crate depends on, tests aside."""
    text = (ROOT / "crates" / crate / "Cargo.toml").read_text()
    section = re.search(r"^\[dependencies\]\n(.*?)(?=^\[|\Z)", text, re.DOTALL | re.MULTILINE)
    return set(re.findall(r"^([\w-]+)", section.group(1), re.MULTILINE))


def test_the_lower_crates_know_nothing_of_python():
    assert not dependencies("ferrio-sched") & {
        "pyo3-ffi",
        "pyo3",
        "ferrio-core",
        "ferrio-reactor",
        "libc",
        "rustix",
    }
    assert not dependencies("ferrio-reactor") & {"pyo3-ffi", "pyo3", "ferrio-core", "ferrio-sched"}


def test_the_c_api_is_spoken_with_in_one_crate_only():
    for path in (ROOT / "crates").glob("*/src/**/*.rs"):
        if "ferrio-core" not in path.parts:
            assert "pyo3" not in path.read_text(), path


def test_scheduling_makes_no_system_calls():
    for path in (ROOT / "crates/ferrio-sched/src").rglob("*.rs"):
        assert not re.search(r"std::(net|fs|os|process)\b", path.read_text()), path


def test_python_imports_only_itself_and_the_standard_library():
    for path in (ROOT / "python/ferrio").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module]
            for name in names:
                top = name.split(".")[0]
                assert top == "ferrio" or top in __import__("sys").stdlib_module_names, (path, name)


def test_every_folder_of_the_core_is_a_noun_of_asyncio():
    folders = {path.name for path in (ROOT / "crates/ferrio-core/src").iterdir() if path.is_dir()}
    nouns = "loop_ handles futures tasks coroutines taskgroups timeouts transports sockets tls streams sync queues threads"
    nouns += " subprocess debug"
    # The layer below, and the Rust tests.
    assert folders <= {"ffi", "embedded", *nouns.split()}


def test_unsafe_code_of_the_core_is_in_one_folder():
    source = ROOT / "crates/ferrio-core/src"
    found = [
        f"{path.relative_to(source)}: {line}"
        for path in source.rglob("*.rs")
        if "ffi" not in path.relative_to(source).parts
        for line in path.read_text().splitlines()
        if "unsafe" in line
    ]
    assert found == ["lib.rs: #![deny(unsafe_code)]"]


def test_the_c_api_comes_by_way_of_one_file():
    source = ROOT / "crates/ferrio-core/src"
    found = {str(path.relative_to(source)) for path in source.rglob("*.rs") if "pyo3_ffi" in path.read_text()}
    assert found == {"ffi/sys.rs"}


CORE = ROOT / "crates/ferrio-core/src"


def order_of_the_core():
    """The modules of ferrio-core as ARCHITECTURE.md lists them, the lowest first."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    section = re.search(r"^## Order inside ferrio-core\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    return re.findall(r"^\d+\. `(\w+)`", section.group(1), re.MULTILINE)


def code_of(path):
    """A Rust file without comments and the text of string literals."""
    text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
    text = re.sub(r'"(?:[^"\\]|\\.)*"', '""', text)
    return re.sub(r"//.*", "", text)


def imported_modules(code):
    """The modules that a piece of Rust names by `crate::name` or in a list, `crate::{a, b::{C, D}}`."""
    names = set(re.findall(r"\bcrate::(\w+)", code))
    for match in re.finditer(r"\bcrate::\{", code):
        depth, item = 1, ""
        for character in code[match.end() :]:
            depth += {"{": 1, "}": -1}.get(character, 0)
            if depth == 0 or (depth == 1 and character == ","):
                names |= set(re.findall(r"^\s*(\w+)", item))
                item = ""
            else:
                item += character
            if depth == 0:
                break
    return names


def imported_by_super(path, code):
    """The modules that a file names by as many `super::` as lead to the crate."""
    levels = len(path.parts) - (path.name == "mod.rs")
    return set(re.findall(r"(?<!super::)\b" + "super::" * levels + r"(?!super\b)(\w+)", code))


def imports_that_point_up(sources, order):
    """Pairs of a file and a module that it names though the module stands above the file's own."""
    found = []
    for path, code in sources.items():
        module = path.parts[0].removesuffix(".rs")
        for name in imported_modules(code) | imported_by_super(path, code):
            if order.index(name) > order.index(module):
                found.append((str(path), name))
    return sorted(found)


def sources_of_the_core():
    return {path.relative_to(CORE): code_of(path) for path in CORE.rglob("*.rs")}


def test_the_order_of_the_core_names_every_module():
    modules = {path.parts[0].removesuffix(".rs") for path in sources_of_the_core()}
    order = order_of_the_core()
    assert len(order) == len(set(order))
    assert set(order) == modules


def test_no_module_of_the_core_imports_one_above_it():
    assert imports_that_point_up(sources_of_the_core(), order_of_the_core()) == []


@pytest.mark.parametrize(
    "line",
    [
        "use crate::tasks;",
        "use crate::tasks::Task;",
        "use crate::{ffi::{Object, Own}, tasks::Task};",
        "fn run() { crate::tasks::run() }",
        "use super::super::tasks;",
    ],
)
def test_an_import_of_the_tasks_in_the_loop_is_found(line):
    path = Path("loop_/runnable.rs")
    code = code_of(CORE / path)
    assert imports_that_point_up({path: f"{line}\n{code}"}, order_of_the_core()) == [(str(path), "tasks")]


def test_versions_of_the_interpreter_are_told_apart_in_one_file():
    # Where asyncio differs, and where the C API does.
    may = {"compat.rs", "ffi/sys.rs", "ffi/version.rs"}
    source = ROOT / "crates/ferrio-core/src"
    found = {str(path.relative_to(source)) for path in source.rglob("*.rs") if "Py_3_" in path.read_text()}
    assert found == may


def test_what_tells_versions_apart_stands_low():
    text = (ROOT / "crates/ferrio-core/src/compat.rs").read_text()
    assert set(re.findall(r"\bcrate::(\w+)", text)) <= {"ffi"}
    assert "super::" not in text
