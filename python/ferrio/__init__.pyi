# To a type checker Ferrio's names are what asyncio's stubs say: they have the same contracts.
from asyncio import *
from asyncio import TaskGroup as TaskGroup

from ferrio import subprocess as subprocess
from ferrio.events import new_event_loop as new_event_loop
from ferrio.install import install as install
from ferrio.install import installed as installed
from ferrio.install import uninstall as uninstall
from ferrio.policy import EventLoopPolicy as EventLoopPolicy
from ferrio.runners import run as run  # type: ignore[assignment]
from ferrio.unix_events import Loop as Loop

__version__: str
