"""A loop inside of Qt's main loop, by PySide6 without a screen."""

import pytest
from support.processes import ENVIRONMENT, output
from support.toolkits import demonstration, require, require_descriptor

require_descriptor()
require("PySide6.QtWidgets")


@pytest.fixture(autouse=True)
def _without_a_screen(monkeypatch):
    monkeypatch.setitem(ENVIRONMENT, "QT_QPA_PLATFORM", "offscreen")


HEAD = """
    import asyncio, os, signal, sys, threading
    from PySide6 import QtCore, QtWidgets
    from ferrio.guest import qt
    app = QtWidgets.QApplication([])
    later = QtCore.QTimer.singleShot
"""


def test_main_runs_to_its_result():
    script = """
    async def main():
        await asyncio.sleep(0.01)
        process = await asyncio.create_subprocess_exec("echo", "hello", stdout=asyncio.subprocess.PIPE)
        label = QtWidgets.QLabel((await process.communicate())[0].decode().strip())
        label.show()
        await asyncio.to_thread(int)
        return label.text()
    print(qt.run(main(), app))
    """
    assert output(HEAD + script) == "hello\n"


def test_main_raises():
    script = """
    async def main():
        await asyncio.sleep(0.001)
        raise ZeroDivisionError
    try:
        qt.run(main(), app)
    except ZeroDivisionError:
        print("raised")
    """
    assert output(HEAD + script) == "raised\n"


def test_a_button_starts_tasks():
    script = """
    tasks = set()
    async def work(number):
        await asyncio.sleep(0.001 * number)
        bar.setValue(bar.value() + 1)
        if bar.value() == 100:
            done.set()
    async def main():
        button.click()
        await done.wait()
        return bar.value()
    done = asyncio.Event()
    bar, button = QtWidgets.QProgressBar(maximum=100), QtWidgets.QPushButton("go")
    bar.setValue(0)
    bar.show()
    button.clicked.connect(lambda: tasks.update(asyncio.create_task(work(number)) for number in range(100)))
    print(qt.run(main(), app))
    """
    assert output(HEAD + script) == "100\n"


@pytest.mark.parametrize("inside", ["slot", "task"])
def test_a_dialog_leaves_tasks_running(inside):
    script = """
    ticks = []
    async def tick():
        while True:
            await asyncio.sleep(0.001)
            ticks.append(1)
    def open_dialog():
        dialog = QtWidgets.QDialog()
        before = len(ticks)
        async def close():
            while len(ticks) < before + 5:
                await asyncio.sleep(0.001)
            dialog.accept()
        closing = asyncio.create_task(close())
        dialog.exec()
        print("closed", len(ticks) >= before + 5)
        done.set()
    done = asyncio.Event()
    async def main():
        ticking = asyncio.create_task(tick())
        if INSIDE == "slot":
            later(1, open_dialog)
        else:
            open_dialog()
        await done.wait()
    qt.run(main(), app)
    """
    assert output(f"{HEAD}    INSIDE = {inside!r}\n{script}") == "closed True\n"


@pytest.mark.parametrize("ending", ["window.close", "app.quit"])
def test_the_end_of_the_application_cancels_main(ending):
    script = """
    window = QtWidgets.QWidget()
    window.show()
    async def main():
        later(10, ENDING)
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.001)
            print("cleaned up")
    print(qt.run(main(), app))
    """
    assert output(HEAD + script.replace("ENDING", ending)) == "cleaned up\nNone\n"


def test_an_interrupt_cancels_main():
    script = """
    async def main():
        threading.Timer(0.05, os.kill, [os.getpid(), signal.SIGINT]).start()
        try:
            await asyncio.sleep(3600)
        finally:
            print("cleaned up")
    try:
        qt.run(main(), app)
    except KeyboardInterrupt:
        print("interrupted")
    """
    assert output(HEAD + script) == "cleaned up\ninterrupted\n"


def test_errors_go_where_they_always_go():
    script = """
    seen = []
    sys.excepthook = lambda kind, *_: seen.append(kind.__name__)
    async def fail():
        raise ZeroDivisionError
    async def main():
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: seen.append(type(context["exception"]).__name__))
        later(1, lambda: {}["missing"])
        task = asyncio.create_task(fail())
        await asyncio.sleep(0.02)
        del task
        asyncio.get_running_loop().call_soon(int, "x")
        await asyncio.sleep(0.02)
    qt.run(main(), app)
    print(sorted(seen))
    """
    assert output(HEAD + script) == "['KeyError', 'ValueError', 'ZeroDivisionError']\n"


def test_a_busy_loop_leaves_the_application_its_timers_and_pictures():
    script = """
    pictures = []
    class Window(QtWidgets.QWidget):
        def paintEvent(self, event):
            pictures.append(1)
    window = Window()
    window.show()
    timer = QtCore.QTimer(interval=5)
    timer.timeout.connect(window.update)
    timer.start()
    async def busy():
        while len(pictures) < 20:
            await asyncio.sleep(0)
    async def main():
        await asyncio.gather(*[busy() for _ in range(10)])
        return len(pictures) >= 20
    print(qt.run(main(), app))
    """
    assert output(HEAD + script) == "True\n"


def test_signals_are_awaited():
    script = """
    class Source(QtCore.QObject):
        happened = QtCore.Signal(int, str)
        nothing = QtCore.Signal()
    source = Source()
    async def main():
        later(1, lambda: source.happened.emit(3, "x"))
        print(await qt.signal(source.happened))
        threading.Timer(0.001, source.nothing.emit).start()
        print(await qt.signal(source.nothing))
        try:
            await asyncio.wait_for(qt.signal(source.nothing), 0.01)
        except TimeoutError:
            print("timeout", source.receivers(QtCore.SIGNAL("nothing()")))
        button = QtWidgets.QPushButton()
        later(1, button.click)
        print(await qt.signal(button.clicked[bool]))
        later(1, button.click)
        await qt.signal(button.clicked)
        for wrong in (button, None, 3):
            try:
                await qt.signal(wrong)
            except TypeError as error:
                print("refused")
    qt.run(main(), app)
    """
    expected = ["(3, 'x')", "()", "timeout 0", "(False,)", "refused", "refused", "refused"]
    assert output(HEAD + script).splitlines() == expected


def test_it_runs_again_in_the_same_application():
    script = """
    descriptors = set()
    for number in range(5):
        print(qt.run(asyncio.sleep(0.001, number), app))
        descriptors.add(len(os.listdir("/proc/self/fd")))
    print(len(descriptors))
    """
    assert output(HEAD + script) == "0\n1\n2\n3\n4\n1\n"


def test_a_main_loop_that_runs_already():
    script = """
    def run():
        main = asyncio.sleep(0)
        try:
            qt.run(main, app)
        except RuntimeError as error:
            print(error)
        app.quit()
    later(0, run)
    app.exec()
    """
    assert output(HEAD + script) == "Qt's main loop is running already\n"


def test_what_is_no_application():
    script = """
    for app in (None, "app", QtCore.QObject()):
        try:
            qt.run(asyncio.sleep(0), app)
        except TypeError as error:
            print("refused")
    """
    assert output(HEAD + script) == "refused\n" * 3


def test_the_example():
    lines = demonstration("qt_guest.py").splitlines()
    assert lines[:2] == ["100 of 100 tasks have moved the bar.", "1,000,000 bytes downloaded."]
    assert lines[2:] == [f"line {number}" for number in range(5)]
