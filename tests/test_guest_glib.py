"""A loop inside of GLib's main loop, by PyGObject."""

from support.processes import output
from support.toolkits import require, require_descriptor

require_descriptor()
require("gi.repository.GLib")

HEAD = """
    import asyncio, os, signal, threading
    from gi.repository import GLib
    from ferrio.guest import glib
"""


def test_main_runs_to_its_result():
    script = """
    async def main():
        await asyncio.sleep(0.01)
        process = await asyncio.create_subprocess_exec("echo", "hello", stdout=asyncio.subprocess.PIPE)
        printed = (await process.communicate())[0].decode().strip()
        await asyncio.to_thread(int)
        return printed
    print(glib.run(main()))
    """
    assert output(HEAD + script) == "hello\n"


def test_main_raises():
    script = """
    async def main():
        await asyncio.sleep(0.001)
        raise ZeroDivisionError
    try:
        glib.run(main())
    except ZeroDivisionError:
        print("raised")
    """
    assert output(HEAD + script) == "raised\n"


def test_callbacks_of_the_host_start_tasks():
    script = """
    tasks = []
    async def work():
        await asyncio.sleep(0.001)
        done.set()
    done = asyncio.Event()
    GLib.timeout_add(1, lambda: tasks.append(asyncio.create_task(work())))
    async def main():
        await done.wait()
        return len(tasks)
    print(glib.run(main()))
    """
    assert output(HEAD + script) == "1\n"


def test_a_main_loop_inside_of_a_task_serves_the_others():
    script = """
    ticks = []
    async def tick():
        while True:
            await asyncio.sleep(0.001)
            ticks.append(1)
            if len(ticks) == 5:
                inner.quit()
    inner = GLib.MainLoop()
    async def main():
        ticking = asyncio.create_task(tick())
        inner.run()
        return len(ticks)
    print(glib.run(main()))
    """
    assert output(HEAD + script) == "5\n"


def test_a_main_loop_that_quits_first_cancels_main():
    script = """
    loop = GLib.MainLoop()
    async def main():
        GLib.timeout_add(5, loop.quit)
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.001)
            print("cleaned up")
    print(glib.run(main(), loop))
    """
    assert output(HEAD + script) == "cleaned up\nNone\n"


def test_an_interrupt_cancels_main():
    script = """
    async def main():
        threading.Timer(0.05, os.kill, [os.getpid(), signal.SIGINT]).start()
        try:
            await asyncio.sleep(3600)
        finally:
            print("cleaned up")
    try:
        glib.run(main())
    except KeyboardInterrupt:
        print("interrupted")
    """
    assert output(HEAD + script) == "cleaned up\ninterrupted\n"


def test_a_busy_loop_leaves_the_host_its_turn():
    script = """
    turns = []
    def turn():
        turns.append(1)
        return len(turns) < 20
    GLib.timeout_add(2, turn)
    async def main():
        while len(turns) < 20:
            await asyncio.sleep(0)
        return len(turns)
    print(glib.run(main()))
    """
    assert output(HEAD + script) == "20\n"


def test_it_runs_again():
    script = """
    descriptors = set()
    for number in range(5):
        print(glib.run(asyncio.sleep(0.001, number)))
        descriptors.add(len(os.listdir("/proc/self/fd")))
    print(len(descriptors))
    """
    assert output(HEAD + script) == "0\n1\n2\n3\n4\n1\n"


def test_what_is_no_main_loop():
    script = """
    for loop in ("loop", 3, object()):
        try:
            glib.run(asyncio.sleep(0), loop)
        except TypeError:
            print("refused")
    """
    assert output(HEAD + script) == "refused\n" * 3
