"""What the extension imports exists in the running interpreter, and stands in one list."""

import importlib
import re
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "crates/ferrio-core/src"
ROW = re.compile(r'^    (\w+) = c"([\w.]+)", c"(\w+)";(?: // (from|up to) 3\.(\d+))?$', re.MULTILINE)
ROWS = ROW.findall((SOURCE / "stdlib.rs").read_text())


def exists_here(bound, version):
    """Whether the comment behind a name says that this interpreter has it."""
    if bound == "from":
        return sys.version_info >= (3, int(version))
    return not bound or sys.version_info < (3, int(version) + 1)


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for _, module, name, *limits in ROWS if exists_here(*limits)]
)
def test_an_imported_object_exists(module, name):
    assert hasattr(importlib.import_module(module), name)


def test_every_row_is_read():
    text = (SOURCE / "stdlib.rs").read_text()
    blocks = re.findall(r"^imports! \{$(.*?)^\}$", text, re.MULTILINE | re.DOTALL)
    assert sum(line.count(" = ") for block in blocks for line in block.splitlines()) == len(ROWS) > 0


def test_an_object_stands_in_the_list_once():
    objects = [(module, name) for _, module, name, *_ in ROWS]
    assert len(set(objects)) == len(objects)


def test_objects_are_imported_by_the_list_only():
    # The layer below has a few of its own.
    places = [path for path in SOURCE.rglob("*.rs") if "ffi" not in path.relative_to(SOURCE).parts]
    found = [str(path.relative_to(SOURCE)) for path in places if "Import::new" in path.read_text()]
    assert found == []
    assert [path.name for path in places if "imports! {" in path.read_text()] == ["stdlib.rs"]
