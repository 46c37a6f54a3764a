"""The build backend: maturin's, after a look at whether Ferrio can be built here at all.

pip falls back to the source distribution where there is no wheel. There a user shall read one line, not a
compiler's pages.
"""

import platform
import sys

# From the first interpreter that Ferrio runs on to the first that it does not know.
OLDEST, TOO_NEW = (3, 11), (3, 16)


def refusal(system: str, implementation: str, version: tuple[int, int]) -> str | None:
    """Return why Ferrio cannot run on such a system and interpreter; None if it can."""
    if system != "Linux":
        return (
            f"ferrio: only Linux is supported, this is {system}. "
            "In a list of dependencies, write: ferrio; sys_platform == 'linux'"
        )
    if implementation != "CPython" or not OLDEST <= version < TOO_NEW:
        last = f"{TOO_NEW[0]}.{TOO_NEW[1] - 1}"
        return f"ferrio: CPython 3.11 to {last} is needed, this is {implementation} {version[0]}.{version[1]}"
    return None


_refusal = refusal(platform.system(), platform.python_implementation(), sys.version_info[:2])
if _refusal:
    # Without a traceback: this is all that there is to say.
    sys.exit(_refusal)

import maturin  # noqa: E402 # it is installed by now

get_requires_for_build_wheel = maturin.get_requires_for_build_wheel
get_requires_for_build_sdist = maturin.get_requires_for_build_sdist
get_requires_for_build_editable = maturin.get_requires_for_build_editable
prepare_metadata_for_build_wheel = maturin.prepare_metadata_for_build_wheel
prepare_metadata_for_build_editable = maturin.prepare_metadata_for_build_editable
build_wheel = maturin.build_wheel
build_sdist = maturin.build_sdist
build_editable = maturin.build_editable
