"""A loop inside of Tkinter's main loop, with real windows on a display without a screen."""

import pytest
from support.processes import output
from support.toolkits import demonstration, display, require, require_descriptor

require_descriptor()
require("_tkinter")


@pytest.fixture(scope="module", autouse=True)
def _display():
    with display():
        yield


HEAD = """
    import asyncio, os, signal, threading, tkinter
    import ferrio
    from ferrio.guest import tk
    root = tkinter.Tk()
"""


def test_main_runs_to_its_result():
    script = """
    async def main():
        await asyncio.sleep(0.01)
        process = await asyncio.create_subprocess_exec("echo", "hello", stdout=asyncio.subprocess.PIPE)
        label = tkinter.Label(root, text=(await process.communicate())[0].decode().strip())
        label.pack()
        await asyncio.to_thread(int)
        return label["text"]
    print(tk.run(main(), root))
    root.destroy()
    """
    assert output(HEAD + script) == "hello\n"


def test_main_raises():
    script = """
    async def main():
        await asyncio.sleep(0.001)
        raise ZeroDivisionError
    try:
        tk.run(main(), root)
    except ZeroDivisionError:
        print("raised")
    """
    assert output(HEAD + script) == "raised\n"


def test_a_button_starts_tasks():
    script = """
    done = asyncio.Event()
    async def work(number):
        await asyncio.sleep(0.001 * number)
        bar["value"] += 1
        if bar["value"] == 100:
            done.set()
    from tkinter import ttk
    bar = ttk.Progressbar(root, maximum=100)
    tasks = set()
    button = tkinter.Button(root, text="go", command=lambda: tasks.update(
        asyncio.create_task(work(number)) for number in range(100)))
    bar.pack()
    button.pack()
    async def main():
        button.invoke()
        await done.wait()
        return bar["value"]
    print(tk.run(main(), root))
    """
    assert output(HEAD + script) == "100.0\n"


@pytest.mark.parametrize("inside", ["callback", "task"])
def test_a_dialog_leaves_tasks_running(inside):
    script = """
    ticks = []
    async def tick():
        while True:
            await asyncio.sleep(0.001)
            ticks.append(1)
    def open_dialog():
        dialog = tkinter.Toplevel(root)
        before = len(ticks)
        async def close():
            while len(ticks) < before + 5:
                await asyncio.sleep(0.001)
            dialog.destroy()
        closing = asyncio.create_task(close())
        root.wait_window(dialog)
        print("closed", len(ticks) >= before + 5)
        done.set()
    done = asyncio.Event()
    async def main():
        ticking = asyncio.create_task(tick())
        if INSIDE == "callback":
            root.after(1, open_dialog)
        else:
            open_dialog()
        await done.wait()
    tk.run(main(), root)
    """
    assert output(f"{HEAD}    INSIDE = {inside!r}\n{script}") == "closed True\n"


CLOSED = """
    async def main():
        {what}
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.001)
            print("cleaned up", WINDOW())
    def WINDOW():
        try:
            return bool(root.winfo_exists())
        except tkinter.TclError:
            return False
    print(tk.run(main(), root))
    print(WINDOW())
"""


def test_the_close_button_cancels_main_while_the_window_is_there():
    what = """root.after(10, lambda: root.tk.eval(root.protocol("WM_DELETE_WINDOW")))"""
    assert output(HEAD + CLOSED.format(what=what)) == "cleaned up True\nNone\nFalse\n"


def test_the_close_button_does_afterwards_what_it_did_before():
    script = """
    tk.run(asyncio.sleep(0.001), root)
    root.tk.eval(root.protocol("WM_DELETE_WINDOW"))
    try:
        root.winfo_exists()
    except tkinter.TclError:
        print("destroyed")
    """
    assert output(HEAD + script) == "destroyed\n"


def test_destroy_cancels_main():
    assert (
        output(HEAD + CLOSED.format(what="root.after(10, root.destroy)")) == "cleaned up False\nNone\nFalse\n"
    )


def test_quit_cancels_main():
    assert output(HEAD + CLOSED.format(what="root.after(10, root.quit)")) == "cleaned up True\nNone\nTrue\n"


def test_a_task_destroys_the_window():
    script = """
    async def main():
        await asyncio.sleep(0.001)
        root.destroy()
        await asyncio.sleep(0.001)
    print(tk.run(main(), root))
    """
    assert output(HEAD + script) == "None\n"


def test_a_close_button_of_the_programs_own_stays():
    script = """
    root.protocol("WM_DELETE_WINDOW", lambda: print("own"))
    async def main():
        await asyncio.sleep(0.001)
        root.tk.eval(root.protocol("WM_DELETE_WINDOW"))
    tk.run(main(), root)
    root.tk.eval(root.protocol("WM_DELETE_WINDOW"))
    """
    assert output(HEAD + script) == "own\nown\n"


def test_an_interrupt_cancels_main():
    script = """
    async def main():
        threading.Timer(0.05, os.kill, [os.getpid(), signal.SIGINT]).start()
        try:
            await asyncio.sleep(3600)
        finally:
            print("cleaned up")
    try:
        tk.run(main(), root)
    except KeyboardInterrupt:
        print("interrupted")
    """
    assert output(HEAD + script) == "cleaned up\ninterrupted\n"


def test_a_second_interrupt_ends_a_main_that_does_not():
    script = """
    async def main():
        threading.Timer(0.05, os.kill, [os.getpid(), signal.SIGINT]).start()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            threading.Timer(0.05, os.kill, [os.getpid(), signal.SIGINT]).start()
            await asyncio.sleep(3600)
    try:
        tk.run(main(), root)
    except KeyboardInterrupt:
        print("interrupted")
    """
    assert output(HEAD + script) == "interrupted\n"


def test_errors_go_where_they_always_go():
    script = """
    seen = []
    root.report_callback_exception = lambda kind, *_: seen.append(kind.__name__)
    async def fail():
        raise ZeroDivisionError
    async def main():
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: seen.append(type(context["exception"]).__name__))
        root.after(1, lambda: {}["missing"])
        task = asyncio.create_task(fail())
        await asyncio.sleep(0.02)
        del task
        asyncio.get_running_loop().call_soon(int, "x")
        await asyncio.sleep(0.02)
    tk.run(main(), root)
    print(sorted(seen))
    """
    assert output(HEAD + script) == "['KeyError', 'ValueError', 'ZeroDivisionError']\n"


def test_a_busy_loop_leaves_the_window_its_pictures_and_events():
    script = """
    pictures, clicks = [], []
    canvas = tkinter.Canvas(root)
    canvas.pack()
    def draw():
        pictures.append(1)
        root.after(5, lambda: root.after_idle(draw))
    async def busy():
        while len(pictures) < 20:
            await asyncio.sleep(0)
    async def main():
        draw()
        await asyncio.gather(*[busy() for _ in range(10)])
        return len(pictures)
    print(tk.run(main(), root))
    """
    assert output(HEAD + script) == "20\n"


def test_events_are_awaited():
    script = """
    other = []
    frame = tkinter.Frame(root, width=50, height=50)
    frame.pack()
    root.update()
    frame.bind("<<Ring>>", other.append)
    async def main():
        for _ in range(2):
            root.after(1, lambda: frame.event_generate("<<Ring>>"))
            event = await tk.event(frame, "<<Ring>>")
            print(type(event).__name__, event.widget is frame)
        frame.event_generate("<<Ring>>")
        try:
            await asyncio.wait_for(tk.event(frame, "<<Ring>>"), 0.01)
        except TimeoutError:
            print("timeout", frame.bind("<Destroy>") == "")
        root.after(1, frame.destroy)
        try:
            await tk.event(frame, "<<Ring>>")
        except tkinter.TclError as error:
            print(error)
        try:
            await tk.event(root, "<<nonsense")
        except tkinter.TclError:
            print("no event")
    tk.run(main(), root)
    print(len(other))
    """
    expected = [
        "Event True",
        "Event True",
        "timeout True",
        "the widget was destroyed before the event",
        "no event",
        "3",
    ]
    assert output(HEAD + script).splitlines() == expected


def test_it_runs_again_in_the_same_window():
    script = """
    descriptors = set()
    for number in range(5):
        print(tk.run(asyncio.sleep(0.001, number), root))
        descriptors.add(len(os.listdir("/proc/self/fd")))
    print(len(descriptors))
    """
    assert output(HEAD + script) == "0\n1\n2\n3\n4\n1\n"


def test_what_is_no_window():
    script = """
    for root in (None, "root", 3):
        try:
            tk.run(asyncio.sleep(0), root)
        except TypeError as error:
            print(error)
    """
    assert "a widget of tkinter is expected, got 'root'" in output(HEAD + script)


def test_run_inside_of_run():
    script = """
    async def main():
        inner = asyncio.sleep(0)
        try:
            tk.run(inner, root)
        except RuntimeError as error:
            print(error)
        inner.close()
    tk.run(main(), root)
    """
    assert "cannot be called from a running event loop" in output(HEAD + script)


def test_the_example():
    lines = demonstration("tk_guest.py").splitlines()
    assert lines[:2] == ["100 of 100 tasks have moved the bar.", "1,000,000 bytes downloaded."]
    assert lines[2:] == [f"line {number}" for number in range(5)]
