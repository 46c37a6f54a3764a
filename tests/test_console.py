"""The console of python -m ferrio top, without a terminal."""

import asyncio

import pytest

pytest.importorskip("textual")

from ferrio.inspection import console
from support.processes import running_ferrio

PROGRAM = """
import asyncio
async def both(one, other):
    async with one:
        await asyncio.sleep(0.01)
        async with other:
            pass
async def main():
    one, other = asyncio.Lock(), asyncio.Lock()
    tasks = [asyncio.create_task(both(*pair), name=name) for pair, name in (((one, other), "left"), ((other, one), "right"))]
    print("runs", flush=True)
    await asyncio.sleep(3600)
asyncio.run(main())
"""


async def until(pilot, condition):
    for _ in range(600):
        if condition():
            return
        await pilot.pause(0.05)
    raise AssertionError("it did not happen")


def test_the_console_shows_a_process():
    async def main(child):
        app = console.Console(child.pid, 0.05, 50, "name")
        async with app.run_test(size=(140, 40)) as pilot:
            table = app.query_one("#tasks")
            await until(pilot, lambda: table.row_count == 3)
            assert [table.get_row_at(row)[0] for row in range(3)] == ["'Task-1'", "'left'", "'right'"]
            assert "held by Task 'left'" in table.get_row_at(2)[6]
            assert app.before["deadlocks"][0].startswith("Deadlock: ")
            await pilot.press("s")
            assert app.order == "time"
            await pilot.press("space")
            assert app.paused
            await pilot.press("space")
            child.kill()
            await until(pilot, lambda: app.failure)
        assert app.failure.startswith("ferrio: ")

    with running_ferrio(PROGRAM) as child:
        asyncio.run(main(child))


def test_a_process_that_is_none(capsys):
    with pytest.raises(SystemExit, match="there is no process"):
        console.show(1, 1.0, 10, "time")
