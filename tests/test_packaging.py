"""What the packages promise: one version, one clear line where Ferrio cannot run, the same bytes in each build."""

import asyncio
import importlib.util
import inspect
import io
import re
import subprocess
import sys
import tarfile
import time
import tomllib
import warnings
import zipfile
from importlib import metadata
from pathlib import Path

import ferrio
import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "scripts"
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())


def load(path, monkeypatch):
    """A module that is no part of a package."""
    monkeypatch.syspath_prepend(str(path.parent))
    specification = importlib.util.spec_from_loader(
        path.stem, importlib.machinery.SourceFileLoader(path.stem, str(path))
    )
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_version_has_one_source(monkeypatch):
    assert SETTINGS["project"]["dynamic"] == ["version"]
    assert ferrio.__version__ == load(SCRIPTS / "wheel_checks.py", monkeypatch).version()
    assert ferrio.__version__ == metadata.version("ferrio")
    assert not re.search(r"\b0\.\d+\.\d+\b", (ROOT / "python/ferrio/__init__.py").read_text())


@pytest.mark.parametrize(
    ("system", "implementation", "version", "says"),
    [
        ("Darwin", "CPython", (3, 14), "ferrio; sys_platform == 'linux'"),
        ("Windows", "CPython", (3, 14), "only Linux is supported, this is Windows"),
        ("Linux", "PyPy", (3, 11), "CPython 3.11 to 3.15 is needed, this is PyPy 3.11"),
        ("Linux", "CPython", (3, 10), "this is CPython 3.10"),
        ("Linux", "CPython", (3, 16), "this is CPython 3.16"),
    ],
)
def test_a_build_where_ferrio_cannot_run_ends_with_one_line(system, implementation, version, says):
    pretend = f"""
import platform, sys
platform.system = lambda: {system!r}
platform.python_implementation = lambda: {implementation!r}
sys.version_info = {version!r}
sys.path.insert(0, {str(SCRIPTS / "build_backend")!r})
import ferrio_build
"""
    done = subprocess.run([sys.executable, "-c", pretend], capture_output=True, text=True)
    assert done.returncode == 1
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_build_is_maturins_where_ferrio_runs():
    pytest.importorskip("maturin")
    code = (
        f"import sys; sys.path.insert(0, {str(SCRIPTS / 'build_backend')!r}); import ferrio_build, maturin\n"
    )
    code += "names = [n for n in dir(maturin) if n.startswith(('build_', 'get_requires_', 'prepare_'))]\n"
    code += "print(all(getattr(ferrio_build, n) is getattr(maturin, n) for n in names), len(names))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split()[0] == "True"


def test_the_interpreters_are_the_same_everywhere(monkeypatch):
    backend = (SCRIPTS / "build_backend/ferrio_build.py").read_text()
    wheels = load(SCRIPTS / "wheels", monkeypatch)
    (oldest, too_new) = re.search(r"= \(3, (\d+)\), \(3, (\d+)\)", backend).groups()
    supported = [f"3.{minor}" for minor in range(int(oldest), int(too_new))]
    assert list(wheels.PYTHONS) == supported
    classifiers = [one.rpartition(" ")[2] for one in SETTINGS["project"]["classifiers"] if ":: 3." in one]
    assert classifiers == supported
    assert SETTINGS["project"]["requires-python"] == f">={supported[0]}"


def test_the_bill_of_materials_is_the_same_each_time(monkeypatch):
    sbom = load(SCRIPTS / "sbom.py", monkeypatch)
    first = sbom.text(ROOT, "x86_64-unknown-linux-gnu")
    assert first == sbom.text(ROOT, "x86_64-unknown-linux-gnu")
    assert str(ROOT) not in first
    for crate in ("ferrio-reactor", "ferrio-sched", "pyo3-ffi", "rustix"):
        assert f'"pkg:cargo/{crate}@' in first
    # What is for tests alone, or for other systems, is not in a wheel.
    for crate in ("proptest", "loom", "windows-sys", "pyo3-build-config"):
        assert f'"pkg:cargo/{crate}@' not in first


def test_cargo_sees_that_the_sources_are_others(tmp_path, monkeypatch):
    wheels = load(SCRIPTS / "wheels", monkeypatch)
    with tarfile.open(tmp_path / "source.tar.gz", "w:gz") as file:
        old = tarfile.TarInfo("ferrio-0/lib.rs")
        old.mtime = int(wheels.EPOCH)
        file.addfile(old, io.BytesIO())
    before = time.time()
    inside = wheels.unpack(tmp_path / "source.tar.gz", tmp_path / "unpacked")
    assert (inside / "lib.rs").stat().st_mtime >= before - 1


def test_a_clone_may_have_a_space_in_its_name(monkeypatch):
    wheels = load(SCRIPTS / "wheels", monkeypatch)
    options = wheels.rust_flags(Path("/a folder/source"), [Path("/a folder/lib.so")]).split("\x1f")
    assert "--remap-path-prefix=/a folder/source=ferrio" in options
    assert options.pop() == "-Clink-arg=/a folder/lib.so"
    assert all(option.startswith("--remap-path-prefix=/") for option in options)


def test_the_readme_of_a_package_leads_to_its_repository(monkeypatch):
    wheels = load(SCRIPTS / "wheels", monkeypatch)
    text = "[a](docs/a.md#b), [c](https://example.invalid/c), [d](#d)"
    linked = "[a](https://forge.invalid/f/blob/main/docs/a.md#b), [c](https://example.invalid/c), [d](#d)"
    assert wheels.with_addresses(text, "https://forge.invalid/f") == linked
    readme = wheels.with_addresses((ROOT / "README.md").read_text(), "https://forge.invalid/f")
    assert not re.findall(r"\]\((?!https:)", readme)


def wheel_with(folder, changes):
    """A wheel as scripts/wheel_checks.py wants it, with changes to its files; None removes one."""
    info = f"ferrio-{ferrio.__version__}.dist-info"
    files = {
        "ferrio/_core.so": "code",
        "ferrio/py.typed": "",
        "ferrio/_core.pyi": "",
        "pytest_ferrio/__init__.py": "",
        f"{info}/METADATA": f"Name: ferrio\nVersion: {ferrio.__version__}\n",
        f"{info}/sboms/ferrio.cyclonedx.json": "{}",
        f"{info}/licenses/LICENSE-MIT": "",
    }
    with zipfile.ZipFile(folder / "ferrio.whl", "w") as file:
        for name, text in (files | changes).items():
            if text is not None:
                file.writestr(name, text)
    return folder / "ferrio.whl"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, None),
        ({"ferrio/_core.so": f"{ROOT}/crates"}, f"_core.so names {ROOT}"),
        ({"ferrio/_core.so": "\0.debug_info\0"}, "has debugging information"),
        ({"ferrio/_core.so": "x" * 700_001}, "at most 700000"),
        ({"ferrio/_core.pyi": None}, "_core.pyi is missing"),
        ({"tests/test_loop.py": ""}, "tests/test_loop.py does not belong there"),
        (
            {f"ferrio-{ferrio.__version__}.dist-info/METADATA": "Name: ferrio\nVersion: 9\n"},
            "is not of version",
        ),
    ],
)
def test_a_wheel_with_a_fault_is_refused(changes, says, tmp_path, monkeypatch):
    checks = load(SCRIPTS / "wheel_checks.py", monkeypatch)
    found = checks.contents(wheel_with(tmp_path, changes))
    assert (says in found[0]) if says else not found


@pytest.mark.parametrize("change", [None, "text", "order", "time"])
def test_a_wheel_that_is_compressed_again_has_to_have_the_same_files(change, tmp_path, monkeypatch):
    repack = load(SCRIPTS / "repack.py", monkeypatch)
    before = wheel_with(tmp_path, {"ferrio/_core.so": "code" * 1000}).read_bytes()
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(before)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        entries = old.infolist()
        for entry in reversed(entries) if change == "order" else entries:
            text = old.read(entry)
            is_first = entry is entries[0]
            if is_first and change == "time":
                entry.date_time = (1999, 1, 1, 0, 0, 0)
            new.writestr(entry, b"other" if is_first and change == "text" else text, zipfile.ZIP_DEFLATED)
    assert len(made.getvalue()) < len(before)
    assert bool(repack.problems(before, made.getvalue())) == (change is not None)


def test_a_wheel_that_is_compressed_again_is_smaller_and_the_same_each_time(tmp_path, monkeypatch):
    pytest.importorskip("zopfli", reason="zopflipy, of the dependency group wheels, is not installed")
    repack = load(SCRIPTS / "repack.py", monkeypatch)
    before = wheel_with(tmp_path, {"ferrio/_core.so": "".join(map(str, range(5000)))}).read_bytes()
    after = repack.smaller(before)
    assert len(after) < len(before)
    assert after == repack.smaller(before)
    assert repack.problems(before, after) == []


def test_what_auditwheel_says_is_understood(monkeypatch):
    checks = load(SCRIPTS / "wheel_checks.py", monkeypatch)
    missing = "In order to achieve the tag platform tag '{}' the following shared library dependencies will need to be eliminated: {}"
    old, musl = "manylinux_2_17_x86_64", "musllinux_1_2_x86_64"
    assert checks.is_fit(f'it is consistent with the following platform tag: "{old}".', old)
    assert not checks.is_fit(
        'it is consistent with the following platform tag: "manylinux_2_34_x86_64".', old
    )
    assert not checks.is_fit(missing.format(old, "libc.so"), old)
    assert checks.is_fit(missing.format(musl, "libc.so"), musl)
    assert not checks.is_fit(missing.format(musl, "libgcc_s.so.1, libc.so"), musl)
    assert not checks.is_fit(missing.format(musl, "libc.so, libz.so.1"), musl)


def test_a_release_needs_a_tag_a_version_and_a_heading(monkeypatch):
    release = load(SCRIPTS / "release_version", monkeypatch)
    version = ferrio.__version__
    heading = f"## [{version}] - 2030-01-31\n"
    assert release.problem(f"v{version}", heading) is None
    assert "the tag is v9.9" in release.problem("v9.9", heading)
    assert "no heading" in release.problem(f"v{version}", "## [Unreleased]\n")


def test_the_workflows_call_make_targets_that_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    called, matrix = set(), set()
    for file in (ROOT / ".github/workflows").glob("*.yml"):
        text = file.read_text()
        called |= set(re.findall(r"run: make ([a-z-]+)", text))
        matrix |= {one for line in re.findall(r"task: \[(.*)\]", text) for one in line.split(", ")}
    assert {"test", "conformance", "wheels", "docs"} <= called
    assert {"asan", "miri", "fuzz"} <= matrix
    assert (called | matrix) <= targets


def test_the_smoke_test_passes_in_an_empty_folder(tmp_path):
    done = subprocess.run(
        [sys.executable, SCRIPTS / "smoke", "--version", ferrio.__version__],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"ferrio {ferrio.__version__} works" in done.stdout


def test_the_smoke_test_can_fail(tmp_path):
    done = subprocess.run(
        [sys.executable, SCRIPTS / "smoke", "--version", "0"], capture_output=True, cwd=tmp_path
    )
    assert done.returncode == 1


def test_every_name_says_on_which_interpreters_it_exists(monkeypatch):
    names = load(SCRIPTS / "site/names.py", monkeypatch)
    here = sys.version_info[:2]

    def minor(version):
        return tuple(map(int, version.split(".")))

    for name, first in names.SINCE.items():
        assert (name in ferrio.__all__) == (here >= minor(first)), name
    for name, last in names.UNTIL.items():
        assert (name in ferrio.__all__) == (here <= minor(last)), name
    with warnings.catch_warnings():
        # Newer interpreters warn about policies.
        warnings.simplefilter("ignore", DeprecationWarning)
        table = names.tables()
    assert all(f"| `{name}` |" in table for name in names.names())


def test_a_drawing_is_well_formed_and_says_what_is_wrong(monkeypatch):
    from xml.etree import ElementTree

    drawings = load(SCRIPTS / "site/drawings.py", monkeypatch)
    for page in (ROOT / "docs/how").glob("*.md"):
        for source in re.findall(r"^```drawing\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE):
            ElementTree.fromstring(drawings.svg(source))
    ElementTree.fromstring(drawings.svg('a < b & c | "d"\n-- <e>\nf <- a < b & c'))
    with pytest.raises(ValueError, match="no box 'z'"):
        drawings.svg("a\nb <- z")
    with pytest.raises(ValueError, match="no box 'z'"):
        drawings.svg("a\nz -> b")
    for text in ("a" * 53, "a | " + "b" * 53, "-- " + "c" * 37):
        with pytest.raises(ValueError, match="has room for"):
            drawings.svg(f"a\n{text}\nb")


def test_an_arrow_of_a_drawing_passes_the_boxes_between(monkeypatch):
    drawings = load(SCRIPTS / "site/drawings.py", monkeypatch)
    plain = drawings.svg("a\nb\nc")
    assert plain.count("marker-end") == 2
    assert drawings.svg("a\nb\na -> c").count("marker-end") == 2
    assert drawings.svg("a\nb\na -> c <- b").count("marker-end") == 3


def test_a_docstring_gets_a_list_of_what_it_explains(monkeypatch):
    pytest.importorskip("griffe")
    arguments = load(SCRIPTS / "site/arguments.py", monkeypatch)
    known = {"debug", "clock", "seed"}
    text = "Run it.\n\nNote: this is no argument.\n\nBefore:\ndebug: on\nor off.\nclock, seed: as for run()."
    assert arguments.listed(text, known) == (
        "Run it.\n\nNote: this is no argument.\n\nBefore:\n\n- `debug`: on\n  or off.\n- `clock`, `seed`: as for run()."
    )
    assert arguments.listed("", known) == ""


def hidden_arguments(text, names):
    """The arguments that a docstring explains in the middle of a line, where the reference shows no entry for them."""
    return [name for name in re.findall(r"[.;] (\w+): ", text or "") if name in names]


def public_functions():
    """Ferrio's own functions and the methods of its classes, as (name, function)."""
    for package in ("ferrio", "ferrio.testing", "ferrio.guest"):
        module = importlib.import_module(package)
        for name in module.__all__:
            thing = getattr(module, name)
            if getattr(thing, "__module__", "").startswith("ferrio"):
                members = vars(thing) if isinstance(thing, type) else {}
                yield f"{package}.{name}", thing
                yield from (
                    (f"{package}.{name}.{one}", member) for one, member in members.items() if callable(member)
                )


def test_an_argument_is_explained_at_the_beginning_of_a_line():
    assert hidden_arguments("a: this. b: that.", {"a", "b"}) == ["b"]
    wrong, seen = {}, 0
    for name, thing in public_functions():
        try:
            names = inspect.signature(thing).parameters
        except (TypeError, ValueError):
            # A function in C without a signature.
            continue
        seen += 1
        if found := hidden_arguments(thing.__doc__, names):
            wrong[name] = found
    assert seen > 100
    assert wrong == {}


def explained_names():
    """What the reference explains, as "package.name"."""
    pages = "".join(page.read_text() for page in (ROOT / "docs/reference").glob("*.md"))
    return re.findall(r"^::: ([\w.]+)$", pages, re.MULTILINE)


@pytest.mark.parametrize("package", ["ferrio", "ferrio.testing", "ferrio.guest"])
def test_every_public_name_of_ferrios_own_is_in_the_reference(package):
    module = importlib.import_module(package)
    own = [name for name in module.__all__ if package != "ferrio" or not hasattr(asyncio, name)]
    assert own
    explained = [name for name in explained_names() if f"{name}.".startswith(f"{package}.")]
    last = {name.rpartition(".")[2] for name in explained}
    assert set(own) <= last, "docs/reference"


def test_what_the_reference_explains_exists():
    for name in explained_names():
        module, _, attribute = name.rpartition(".")
        if module in {"ferrio.guest.qt", "ferrio.guest.glib", "ferrio.guest.tk"}:
            # Their toolkits need not be installed.
            source = (ROOT / "python" / f"{module.replace('.', '/')}.py").read_text()
            assert re.search(rf"^(async )?def {attribute}\(", source, re.MULTILINE), name
        else:
            found = getattr(importlib.import_module(module), attribute)
            assert found.__doc__ or module == "ferrio._core", name


def test_the_reference_has_every_option_and_variable_of_the_command():
    page = (ROOT / "docs/reference/index.md").read_text()
    source = (ROOT / "python/ferrio/__main__.py").read_text()
    wanted = {*re.findall(r"^  (--[a-z-]+) ", source, re.MULTILINE), *re.findall(r"\bFERRIO_[A-Z_]+", source)}
    assert "--watch" in wanted and "FERRIO_LISTEN" in wanted
    assert {one for one in wanted if f"`{one}" not in page} == set()


@pytest.mark.parametrize(
    ("page", "says"),
    [
        ('<a href="other.html">', "does not exist"),
        ('<a href="#nowhere">', "no such place"),
        ('<img src="picture.svg">', "does not exist"),
        ('<script src="https://example.invalid/x.js">', "from elsewhere"),
        ('<a href="#here"></a><p id="here">', None),
        ('<a href="https://example.invalid/">', None),
    ],
)
def test_a_dead_link_of_the_site_is_found(page, says, tmp_path, monkeypatch):
    links = load(SCRIPTS / "site/links.py", monkeypatch)
    (tmp_path / "index.html").write_text(page)
    found = links.problems(tmp_path)
    assert (says in found[0]) if says else not found
