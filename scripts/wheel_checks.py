"""What a wheel has to be before anyone gets it: small, clean, for the systems that it names, and working."""

import os
import re
import shutil
import subprocess
import tempfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Bytes. A server downloads it in a second, and a larger one contains what it does not need.
LARGEST = 700_000
POLICIES = {"gnu": "manylinux_2_17", "musl": "musllinux_1_2"}
# Seconds for a run of scripts/smoke, or to get an interpreter. An emulated processor takes a minute or two.
PATIENCE = 600


def version() -> str:
    """Return the version that stands in Cargo.toml, as Python's packages write it."""
    text = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    return re.sub(r"-(a|b|rc)[a-z]*\.", r"\1", text)


def problems(bin_: Path, wheel: Path, python: str, machine: str, libc: str) -> list[str]:
    """Return what is wrong with a wheel for an interpreter, a processor and a C library."""
    found = [*contents(wheel), *policy(bin_, wheel, machine, libc), *smoke(wheel, python, machine, libc)]
    return [f"{wheel.name}: {problem}" for problem in found]


def contents(wheel: Path) -> list[str]:
    """Return what is wrong with the files of a wheel."""
    found = []
    if wheel.stat().st_size > LARGEST:
        found.append(f"{wheel.stat().st_size} bytes; at most {LARGEST} are allowed")
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
        (extension,) = (name for name in names if name.endswith(".so"))
        binary = file.read(extension)
        metadata = file.read(next(name for name in names if name.endswith("/METADATA"))).decode()
    folders = {str(ROOT), str(Path.home()), os.environ.get("CARGO_HOME", ""), "/.cargo/", "/tmp/", "/home/"}
    found += [
        f"{extension} names {folder}" for folder in sorted(folders - {"", "/"}) if folder.encode() in binary
    ]
    # As the name of a section; the standard library has it in a message.
    if b"\0.debug_info\0" in binary:
        found.append(f"{extension} has debugging information")
    if f"\nVersion: {version()}\n" not in metadata:
        found.append(f"it is not of version {version()}")
    for needed in ("ferrio/py.typed", "ferrio/_core.pyi", ".cyclonedx.json", "/licenses/LICENSE-MIT"):
        if not any(name.endswith(needed) for name in names):
            found.append(f"{needed} is missing")
    strange = [name for name in names if not re.match(rf"({packages()})/|ferrio-[^/]+\.dist-info/", name)]
    return found + [f"{name} does not belong there" for name in strange]


def packages() -> str:
    """Return the packages that a wheel has, as a regular expression."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return "|".join(map(re.escape, settings["tool"]["maturin"]["python-packages"]))


def policy(bin_: Path, wheel: Path, machine: str, libc: str) -> list[str]:
    """Return what auditwheel says against the name of a wheel."""
    command = [bin_ / "auditwheel", "show", wheel]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    tag = f"{POLICIES[libc]}_{machine}"
    said = " ".join(done.stdout.split())
    if done.returncode or not is_fit(said, tag):
        return [f"auditwheel does not find it fit for {tag}: {said} {done.stderr}"]
    return []


def is_fit(said: str, tag: str) -> bool:
    """Tell from what auditwheel says whether a wheel is for the systems of a tag."""
    fits = rf'(consistent with the following platform tag:|platform tag to) "{tag}"'
    if "musl" in tag:
        # auditwheel knows musl under the name that Alpine gives it. zig links with the name "libc.so", which
        # musl's loader takes for itself everywhere. Nothing else may be missing.
        fits += rf"|platform tag '{tag}' the following .* need to be eliminated: libc\.so$"
    return re.search(fits, said) is not None


def interpreter(python: str) -> Path | None:
    """Return an interpreter of this machine, from the search path, pyenv or .pythons/."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    name = f"python{python}"
    places = [*pyenv.glob(f"versions/{python}.*/bin/{name}"), ROOT / ".pythons" / python / "bin" / name]
    if found := shutil.which(name):
        places.insert(0, Path(found))
    for place in places:
        # What pyenv puts into the search path may name a version that is not there.
        if (
            place.exists()
            and not subprocess.run([place, "-c", "import venv"], capture_output=True, check=False).returncode
        ):
            return place
    return None


def musl_interpreter(python: str, machine: str) -> Path | None:
    """Return an interpreter that runs on musl.

    FERRIO_MUSL_PYTHON_x86_64 (or _aarch64) names one, or scripts/musl_python has built one.
    """
    built = ROOT / ".pythons" / f"{machine}-musl-{python}" / f"python{python}"
    named = Path(os.environ.get(f"FERRIO_MUSL_PYTHON_{machine}", built))
    if not named.exists():
        return None
    version = subprocess.check_output(
        [named, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], text=True
    )
    return named if version.strip() == python else None


def smoke(wheel: Path, python: str, machine: str, libc: str) -> list[str]:
    """Try a wheel in an empty folder with nothing else installed. Print how, or why it was not tried."""
    is_native = machine == os.uname().machine and libc == "gnu"
    if libc == "musl":
        starter = musl_interpreter(python, machine)
    else:
        starter = interpreter(python) if is_native else foreign(machine, python)
    if starter is None:
        reason = f"there is no CPython {python} for {machine} with {libc} here"
        print(f"{wheel.name}: not tried, {reason}", flush=True)
        return []
    environment = clean_environment()
    with tempfile.TemporaryDirectory(prefix="ferrio-smoke-") as name:
        folder = Path(name)
        if is_native:
            subprocess.run([starter, "-m", "venv", folder / "venv"], check=True, env=environment)
            starter = folder / "venv/bin/python"
            options = ["--quiet", "--disable-pip-version-check", "--no-index"]
            subprocess.run([starter, "-m", "pip", "install", *options, wheel], check=True, env=environment)
        else:
            # An emulated pip takes minutes.
            with zipfile.ZipFile(wheel) as file:
                file.extractall(folder / "packages")
            environment["PYTHONPATH"] = str(folder / "packages")
        said = run_smoke(starter, folder, environment)
    if isinstance(said, list):
        return said
    print(f"{wheel.name}: {said}", flush=True)
    return []


def clean_environment() -> dict[str, str]:
    """Return this process's environment without what changes an interpreter."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def run_smoke(starter: Path, folder: Path, environment: dict[str, str]) -> str | list[str]:
    """Run scripts/smoke in an empty folder. Return the line that it prints, or what is wrong."""
    shutil.copy(ROOT / "scripts/smoke", folder / "smoke.py")
    (folder / "empty").mkdir()
    try:
        done = subprocess.run(
            [starter, folder / "smoke.py", "--version", version()],
            cwd=folder / "empty",
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return [f"scripts/smoke does not end within {PATIENCE} s on it"]
    if done.returncode or done.stderr:
        return [f"scripts/smoke fails on it: {done.stdout}{done.stderr}"]
    return done.stdout.strip()


def source_problems(archive: Path, pythons: list[str]) -> list[str]:
    """Build the source distribution as pip does where there is no wheel, and try the result."""
    found = next(filter(None, map(interpreter, reversed(pythons))), None)
    if found is None:
        print(f"{archive.name}: not tried, there is none of CPython {', '.join(pythons)} here", flush=True)
        return []
    environment = clean_environment() | {"PATH": f"{Path(shutil.which('cargo') or '').parent}:/usr/bin:/bin"}
    environment.pop("CARGO_TARGET_DIR", None)
    with tempfile.TemporaryDirectory(prefix="ferrio-source-") as name:
        folder = Path(name)
        subprocess.run([found, "-m", "venv", folder / "venv"], check=True, env=environment)
        python = folder / "venv/bin/python"
        command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", archive]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            return [f"{archive.name}: pip cannot build it: {done.stdout}{done.stderr}"]
        said = run_smoke(python, folder, environment)
    if isinstance(said, list):
        return [f"{archive.name}: {problem}" for problem in said]
    print(f"{archive.name}: built by pip; {said}", flush=True)
    return []


def foreign(machine: str, python: str) -> Path | None:
    """Return the starter of an interpreter for another processor, if it can be had."""
    folder = ROOT / ".pythons" / f"{machine}-{python}"
    command = [ROOT / "scripts/foreign_python", machine, python, folder]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return None
    return Path(done.stdout.strip()) if done.returncode == 0 else None
