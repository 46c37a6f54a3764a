"""Compress the files of a wheel again, as small as deflate can: python scripts/repack.py WHEEL

Zopfli looks much longer for repetitions than zlib. It writes plain deflate, which every pip unpacks. The
names, the order, the times and the permissions stay, and equal wheels stay equal.
"""

import copy
import io
import sys
import zipfile
from pathlib import Path

# How often Zopfli tries. Three times as many gain less than a thousandth.
ITERATIONS = 5


def smaller(wheel: bytes) -> bytes:
    """Return a wheel with the same files, compressed by Zopfli."""
    import zopfli

    made = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(wheel)) as before,
        zopfli.ZipFile(made, "w", zipfile.ZIP_DEFLATED, iterations=ITERATIONS) as after,
    ):
        for entry in before.infolist():
            again = copy.copy(entry)
            again.compress_type = zipfile.ZIP_DEFLATED
            after.writestr(again, before.read(entry))
    return made.getvalue()


def problems(first: bytes, second: bytes) -> list[str]:
    """Return what two wheels do not have in common, but for the compression."""
    with zipfile.ZipFile(io.BytesIO(first)) as before, zipfile.ZipFile(io.BytesIO(second)) as after:
        if before.namelist() != after.namelist():
            return ["other files, or another order of them"]
        return [
            f"{old.filename} is another"
            for old, new in zip(before.infolist(), after.infolist(), strict=True)
            if (before.read(old), old.date_time, old.external_attr)
            != (after.read(new), new.date_time, new.external_attr)
        ]


def main() -> int:
    """Compress the wheel that the command line names."""
    path = Path(sys.argv[1])
    before = path.read_bytes()
    after = smaller(before)
    if found := problems(before, after):
        print(*found, sep="\n", file=sys.stderr)
        return 1
    path.write_bytes(after)
    return 0


if __name__ == "__main__":
    sys.exit(main())
