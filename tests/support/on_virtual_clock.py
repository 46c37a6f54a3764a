"""Run a script that uses ferrio under ferrio.testing's virtual clock: python support/on_virtual_clock.py SCRIPT ARGS."""

import functools
import runpy
import sys
from pathlib import Path

import ferrio
from ferrio.testing.schedules import Order
from ferrio.testing.simulation import SimulatedLoop


class Loop(SimulatedLoop):
    """A simulated loop in the ordinary order, of the name that scripts print."""

    def __init__(self) -> None:
        super().__init__(Order())


class Runner(ferrio.Runner):
    """A runner with such a loop, unless the script wants another."""

    def __init__(self, *, debug=None, loop_factory=None):
        super().__init__(debug=debug, loop_factory=loop_factory or Loop)


def run(main, *, debug=None, loop_factory=None):
    """Do what ferrio.run() does, on such a loop."""
    if ferrio._get_running_loop() is not None:
        return original(main, debug=debug)
    with Runner(debug=debug, loop_factory=loop_factory) as runner:
        return runner.run(main)


original = ferrio.run
ferrio.run, ferrio.Runner, ferrio.new_event_loop = functools.wraps(original)(run), Runner, Loop
sys.argv = sys.argv[1:]
sys.path[0] = str(Path(sys.argv[0]).parent)
runpy.run_path(sys.argv[0], run_name="__main__")
