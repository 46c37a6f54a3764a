import asyncio
import os
import signal
import threading
import time

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    got = []
    # Python's own handlers run while the loop waits.
    signal.signal(signal.SIGALRM, lambda number, frame: got.append(("alarm", number)))
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    start = time.monotonic()
    await asyncio.sleep(0.1)
    print(got, time.monotonic() - start < 1)
    # Arguments, replacing, and the order of several.
    loop.add_signal_handler(signal.SIGUSR1, got.append, "first")
    loop.add_signal_handler(signal.SIGUSR1, got.append, "second")
    loop.add_signal_handler(signal.SIGUSR2, got.append, "other")
    os.kill(os.getpid(), signal.SIGUSR1)
    os.kill(os.getpid(), signal.SIGUSR2)
    threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGUSR1)).start()
    await asyncio.sleep(0.05)
    print(got)
    # A handler that raises.
    reports = []
    loop.set_exception_handler(lambda loop, context: reports.append(repr(context["exception"])))
    loop.add_signal_handler(signal.SIGUSR1, lambda: 1 / 0)
    os.kill(os.getpid(), signal.SIGUSR1)
    await asyncio.sleep(0.02)
    print(reports)
    # One that takes itself away.
    loop.add_signal_handler(signal.SIGUSR1, loop.remove_signal_handler, signal.SIGUSR1)
    os.kill(os.getpid(), signal.SIGUSR1)
    await asyncio.sleep(0.02)
    print(signal.getsignal(signal.SIGUSR1), signal.getsignal(signal.SIGUSR2) != signal.SIG_DFL)
    loop.add_signal_handler(signal.SIGINT, got.append, "interrupt")
    os.kill(os.getpid(), signal.SIGINT)
    await asyncio.sleep(0.02)
    print(got[-1], loop.remove_signal_handler(signal.SIGINT))
    for wrong in (-1, 0, 10_000, 3.5, None):
        for call in (
            lambda: loop.add_signal_handler(wrong, print),
            lambda: loop.remove_signal_handler(wrong),
        ):
            try:
                call()
            except (ValueError, TypeError, RuntimeError) as error:
                print(type(error).__name__, error)


loop = ferrio.new_event_loop()
loop.run_until_complete(main())
loop.close()
print(signal.getsignal(signal.SIGUSR2), signal.getsignal(signal.SIGINT) is signal.default_int_handler)
try:
    loop.add_signal_handler(signal.SIGUSR1, print)
except RuntimeError as error:
    print(error)
