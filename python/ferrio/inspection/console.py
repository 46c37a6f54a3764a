"""The console of `python -m ferrio top`, with Textual (pip install 'ferrio[console]')."""

from __future__ import annotations

import collections
import shlex
import sys
from typing import Any

from textual.app import App, ComposeResult
from textual.containers import Vertical
from textual.widgets import DataTable, Footer, Header, Sparkline, Static, TabbedContent, TabPane, Tree

from ferrio.inspection.client import ask
from ferrio.inspection.sorting import SORTS
from ferrio.inspection.top import loop_lines, process_line, task_cells, with_rates

__all__ = ("Console", "serve", "show")

# So many samples of the lag are shown as a curve.
_CURVE = 120

_COLUMNS = ("Task", "Age", "Time", "Steps", "Longest", "Since", "Waits for", "Place")


def show(pid: int, interval: float, limit: int, sort: str) -> None:
    """Run the console in this terminal."""
    # One clear line, while the terminal is still as it was.
    ask(pid, {"ask": "top", "limit": 0})
    app = Console(pid, interval, limit, sort)
    app.run()
    if app.failure:
        raise SystemExit(app.failure)


def serve(pid: int, interval: float, limit: int, sort: str) -> None:
    """Show the console as a page of this machine's."""
    try:
        from textual_serve.server import Server
    except ImportError:
        raise SystemExit("ferrio: the page needs textual-serve: pip install 'ferrio[console]'") from None
    ask(pid, {"ask": "top", "limit": 0})
    words = [
        sys.executable,
        "-m",
        "ferrio",
        "top",
        str(pid),
        f"--interval={interval}",
        f"--limit={limit}",
        f"--sort={sort}",
    ]
    Server(shlex.join(words), title=f"ferrio top {pid}").serve()


class Console(App[None]):  # type: ignore[misc]  # Textual need not be installed
    """The loops, the tasks as a table and as a tree, and deadlocks."""

    TITLE = "ferrio top"
    BINDINGS = [("q", "quit", "Quit"), ("s", "sort", "Sort"), ("space", "pause", "Pause")]  # Textual's
    CSS = """
    #loops { height: auto; max-height: 40%; padding: 0 1; }
    #curve { height: 3; margin: 0 1; }
    #deadlocks { height: auto; color: $error; padding: 0 1; }
    """

    def __init__(self, pid: int, interval: float, limit: int, sort: str) -> None:
        super().__init__()
        self.pid = pid
        self.interval = interval
        self.limit = limit
        self.order = sort
        self.failure = ""
        self.paused = False
        self.lag: collections.deque[float] = collections.deque([0.0], maxlen=_CURVE)
        self.before: dict[str, Any] = {"loops": []}
        self.sub_title = f"process {pid}"

    def compose(self) -> ComposeResult:
        yield Header()
        with Vertical():
            yield Static(id="loops", markup=False)
            yield Sparkline(list(self.lag), summary_function=max, id="curve")
            yield Static(id="deadlocks", markup=False)
            yield TabbedContent()
        yield Footer()

    def on_mount(self) -> None:
        tabs = self.query_one(TabbedContent)
        table: DataTable[str] = DataTable(id="tasks", cursor_type="row", zebra_stripes=True)
        table.add_columns(*_COLUMNS)
        tabs.add_pane(TabPane("Tasks", table))
        tabs.add_pane(TabPane("Who waits for whom", Tree("tasks", id="tree")))
        self.set_interval(self.interval, self.refresh_sample)
        self.call_after_refresh(self.refresh_sample)

    async def refresh_sample(self) -> None:
        """Ask for a sample, and show it."""
        if self.paused:
            return
        import asyncio

        try:
            question = {"ask": "top", "limit": self.limit, "sort": self.order}
            sample = await asyncio.to_thread(ask, self.pid, question)
        except SystemExit as error:
            self.failure = str(error)
            self.exit()
            return
        self.show_sample(with_rates(sample, self.before))
        self.before = sample

    def show_sample(self, sample: dict[str, Any]) -> None:
        """Show a sample."""
        lines = [process_line(sample)]
        for number, loop in enumerate(sample["loops"], 1):
            lines += loop_lines(number, loop)
        self.query_one("#loops", Static).update("\n".join(lines))
        self.lag.append(max((loop["lag"] for loop in sample["loops"]), default=0.0))
        self.query_one(Sparkline).data = list(self.lag)
        self.query_one("#deadlocks", Static).update("\n".join(sample["deadlocks"] or ()))
        table = self.query_one("#tasks", DataTable)
        table.clear()
        for task in sample.get("tasks", ()):
            table.add_row(task["name"], *task_cells(task), task["what"], task["place"])
        self._show_tree(sample.get("tasks", ()))

    def _show_tree(self, tasks: Any) -> None:
        tree = self.query_one("#tree", Tree)
        tree.clear()
        by_id = {task["id"]: task for task in tasks}
        waited_for = {other for task in tasks for other in task["on"]}
        roots = [task for task in tasks if task["id"] not in waited_for] or list(tasks)

        def add(node: Any, task: dict[str, Any], above: frozenset[int]) -> None:
            branch = node.add(f"{task['name']} ({task['place']}): {task['what']}", expand=True)
            for other in task["on"]:
                if other in by_id and other not in above:
                    add(branch, by_id[other], above | {other})

        for task in roots:
            add(tree.root, task, frozenset([task["id"]]))
        tree.root.expand()

    def action_sort(self) -> None:
        """Sort by the next key."""
        keys = list(SORTS)
        self.order = keys[(keys.index(self.order) + 1) % len(keys)]
        self.sub_title = f"process {self.pid}, sorted by {self.order}"

    def action_pause(self) -> None:
        """Pause, or go on."""
        self.paused = not self.paused
