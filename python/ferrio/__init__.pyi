# To a type checker Ferrio's names are what asyncio's stubs say: they have the same contracts.
# ruff: noqa: I001  # the order of the imports has a meaning
import sys

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

# asyncio's names and Ferrio's. Type checkers only read what stands here.
__all__: tuple[str, ...] = (
    "ALL_COMPLETED",
    "FIRST_COMPLETED",
    "FIRST_EXCEPTION",
    "AbstractEventLoop",
    "AbstractServer",
    "Barrier",
    "BaseEventLoop",
    "BaseProtocol",
    "BaseTransport",
    "BoundedSemaphore",
    "BrokenBarrierError",
    "BufferedProtocol",
    "CancelledError",
    "Condition",
    "DatagramProtocol",
    "DatagramTransport",
    "DeadlockError",
    "Event",
    "EventLoopPolicy",
    "Future",
    "Handle",
    "IncompleteReadError",
    "InvalidStateError",
    "LifoQueue",
    "LimitOverrunError",
    "Lock",
    "Loop",
    "PriorityQueue",
    "Protocol",
    "Queue",
    "QueueEmpty",
    "QueueFull",
    "ReadTransport",
    "Runner",
    "SelectorEventLoop",
    "Semaphore",
    "SendfileNotAvailableError",
    "Server",
    "Stats",
    "StreamReader",
    "StreamReaderProtocol",
    "StreamWriter",
    "SubprocessProtocol",
    "SubprocessTransport",
    "Task",
    "TaskGroup",
    "Timeout",
    "TimeoutError",
    "TimerHandle",
    "Transport",
    "WriteTransport",
    "_enter_task",
    "_get_running_loop",
    "_leave_task",
    "_register_task",
    "_set_running_loop",
    "_unregister_task",
    "all_tasks",
    "as_completed",
    "create_subprocess_exec",
    "create_subprocess_shell",
    "create_task",
    "current_task",
    "dump_on_signal",
    "ensure_future",
    "explain",
    "features",
    "gather",
    "get_event_loop",
    "get_event_loop_policy",
    "get_running_loop",
    "install",
    "installed",
    "iscoroutine",
    "iscoroutinefunction",
    "isfuture",
    "listen",
    "new_event_loop",
    "note_owners",
    "open_connection",
    "open_unix_connection",
    "run",
    "run_coroutine_threadsafe",
    "set_event_loop",
    "set_event_loop_policy",
    "shield",
    "sleep",
    "start_server",
    "start_unix_server",
    "stats",
    "timeout",
    "timeout_at",
    "to_thread",
    "uninstall",
    "wait",
    "wait_for",
    "watch_blocking",
    "wrap_future",
)
if sys.version_info >= (3, 12):
    __all__ += (
        "create_eager_task_factory",
        "eager_task_factory",
    )
if sys.version_info >= (3, 13):
    __all__ += (
        "EventLoop",
        "QueueShutDown",
    )
if sys.version_info >= (3, 14):
    __all__ += (
        "FrameCallGraphEntry",
        "FutureCallGraph",
        "capture_call_graph",
        "format_call_graph",
        "future_add_to_awaited_by",
        "future_discard_from_awaited_by",
        "print_call_graph",
    )
else:
    __all__ += (
        "AbstractChildWatcher",
        "AbstractEventLoopPolicy",
        "DefaultEventLoopPolicy",
        "FastChildWatcher",
        "MultiLoopChildWatcher",
        "PidfdChildWatcher",
        "SafeChildWatcher",
        "ThreadedChildWatcher",
        "get_child_watcher",
        "set_child_watcher",
    )

__version__: str
