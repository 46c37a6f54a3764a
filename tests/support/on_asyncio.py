"""Run a script that uses ferrio on the standard library's asyncio: python support/on_asyncio.py SCRIPT ARGS."""

import asyncio
import runpy
import sys
from pathlib import Path

sys.modules["ferrio"] = asyncio
sys.argv = sys.argv[1:]
sys.path[0] = str(Path(sys.argv[0]).parent)
runpy.run_path(sys.argv[0], run_name="__main__")
