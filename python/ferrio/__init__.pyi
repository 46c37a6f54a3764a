# To a type checker Ferrio's names are what asyncio's stubs say: they have the same contracts.
# ruff: noqa: I001  # the order of the imports has a meaning
import asyncio

# Before asyncio's: of two imports of a name, mypy keeps the first. Other checkers keep the last, below.
from ferrio.events import new_event_loop as new_event_loop

# With detect_deadlock, which asyncio's do not have.
from ferrio.runners import Runner as Runner
from ferrio.runners import run as run
from asyncio import *  # type: ignore[assignment]
from asyncio import TaskGroup as TaskGroup

from ferrio import subprocess as subprocess
from ferrio.events import new_event_loop as new_event_loop  # noqa: F811
from ferrio.capabilities import features as features
from ferrio.inspection.blocking import watch_blocking as watch_blocking
from ferrio.inspection.deadlocks import DeadlockError as DeadlockError
from ferrio.inspection.dump import dump_on_signal as dump_on_signal
from ferrio.inspection.explanation import explain as explain
from ferrio.inspection.owners import note_owners as note_owners
from ferrio.inspection.server import listen as listen
from ferrio.inspection.statistics import Stats as Stats
from ferrio.inspection.statistics import stats as stats
from ferrio.installation import install as install
from ferrio.installation import installed as installed
from ferrio.installation import uninstall as uninstall
from ferrio.loop import Loop as Loop
from ferrio.policy import EventLoopPolicy as EventLoopPolicy
from ferrio.runners import Runner as Runner  # noqa: F811
from ferrio.runners import run as run  # noqa: F811

__all__ = ("EventLoopPolicy", "Loop", "TaskGroup", "install", "installed", "listen", "uninstall")
__all__ += asyncio.__all__  # type: ignore[assignment]  # of another length

__version__: str
