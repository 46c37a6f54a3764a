# To a type checker Ferrio's names are what asyncio's stubs say: they have the same contracts.
# ruff: noqa: I001  # the order of the imports has a meaning
import asyncio
import sys

# Before asyncio's: of two imports of a name, mypy keeps the first. Other checkers keep the last, below.
from ferrio.events import new_event_loop as new_event_loop
from asyncio import *  # type: ignore[assignment]
from asyncio import TaskGroup as TaskGroup

from ferrio import subprocess as subprocess
from ferrio.events import new_event_loop as new_event_loop  # noqa: F811
from ferrio.capabilities import features as features
from ferrio.inspection.blocking import watch_blocking as watch_blocking
from ferrio.inspection.dump import dump_on_signal as dump_on_signal
from ferrio.inspection.server import listen as listen
from ferrio.installation import install as install
from ferrio.installation import installed as installed
from ferrio.installation import uninstall as uninstall
from ferrio.loop import Loop as Loop
from ferrio.policy import EventLoopPolicy as EventLoopPolicy

if sys.version_info < (3, 12):
    # There asyncio's takes no loop_factory.
    from ferrio.runners import run as run

__all__ = ("EventLoopPolicy", "Loop", "TaskGroup", "install", "installed", "listen", "uninstall")
__all__ += asyncio.__all__  # type: ignore[assignment]  # of another length

__version__: str
