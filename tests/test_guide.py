"""Every program in the documentation runs as it stands, and prints what stands below it."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [DOCS / "index.md", *sorted((DOCS / "start").glob("*.md")), *sorted((DOCS / "guide").glob("*.md"))]

# Seconds for one program.
TIMEOUT = 60

BLOCK = re.compile(
    r"^```python\n(?P<code>.*?)^```$(?:\n+```text\n(?P<output>.*?)^```$)?", re.DOTALL | re.MULTILINE
)
PROGRAMS = [
    pytest.param(match["code"], match["output"], id=f"{page.relative_to(DOCS).with_suffix('')}-{number}")
    for page in PAGES
    for number, match in enumerate(BLOCK.finditer(page.read_text()), 1)
]


def run(code, folder):
    """Run a program as a reader would: from a file of its own."""
    for package in re.findall(r"^import (\w+)", code, re.MULTILINE):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    (folder / "program.py").write_text(code)
    return subprocess.run(
        [sys.executable, "-W", "error", "program.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def test_each_page_of_the_guide_has_a_program():
    without = {page.name for page in PAGES if "```python" not in page.read_text()}
    # The pages for programs that are not changed and for those that run already, and the guide's table of contents.
    assert without == {"unchanged.md", "inside.md", "index.md"}


@pytest.mark.timeout(TIMEOUT)
@pytest.mark.parametrize(("code", "output"), PROGRAMS)
def test_a_program_prints_what_stands_below_it(code, output, tmp_path):
    assert output, "the page does not say what the program prints"
    done = run(code, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == output


@pytest.mark.slow
@pytest.mark.timeout(TIMEOUT)
@pytest.mark.parametrize(("code", "output"), PROGRAMS)
def test_a_program_prints_the_same_on_asyncio(code, output, tmp_path):
    if "ferrio." in code.replace("ferrio.run(", ""):
        pytest.skip("it uses more of Ferrio than run()")
    code = code.replace("import ferrio\n", "").replace("ferrio.run(", "asyncio.run(")
    done = run(code, tmp_path)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", output)
