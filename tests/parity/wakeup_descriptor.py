import asyncio
import os
import signal
import socket
import threading

import ferrio


def current():
    """The wake-up descriptor, which stays as it is."""
    descriptor = signal.set_wakeup_fd(-1)
    if descriptor != -1:
        signal.set_wakeup_fd(descriptor)
    return descriptor


def handled(loop):
    """Add a handler, send the signal and run until it came; remove the handler inside of the run."""

    async def wait():
        came = asyncio.Event()
        loop.add_signal_handler(signal.SIGUSR1, came.set)
        os.kill(os.getpid(), signal.SIGUSR1)
        await came.wait()
        return loop.remove_signal_handler(signal.SIGUSR1)

    return loop.run_until_complete(wait())


# A handler that was added before a run and removed inside of it.
loop = ferrio.SelectorEventLoop()
loop.add_signal_handler(signal.SIGUSR1, print)
print("handler", current() != -1)
print(handled(loop), "removed", current())
loop.close()
print("closed", current())

# Somebody else's descriptor stays when it is not needed.
mine, other = socket.socketpair()
mine.setblocking(False)
signal.set_wakeup_fd(mine.fileno())
loop = ferrio.SelectorEventLoop()
loop.run_until_complete(asyncio.sleep(0))
print("mine", current() == mine.fileno())
loop.close()
print("mine", current() == mine.fileno())

# A handler takes its place.
loop = ferrio.SelectorEventLoop()
print(handled(loop), current())
loop.add_signal_handler(signal.SIGUSR1, print)
loop.close()
print("closed with a handler", current())

# Somebody else's descriptor that is closed.
signal.set_wakeup_fd(mine.fileno())
mine.close()
loop = ferrio.SelectorEventLoop()
print("run", loop.run_until_complete(asyncio.sleep(0, "done")), handled(loop))
loop.close()
other.close()
signal.set_wakeup_fd(-1)

# One that has become blocking.
mine, other = socket.socketpair()
mine.setblocking(False)
signal.set_wakeup_fd(mine.fileno())
mine.setblocking(True)
loop = ferrio.SelectorEventLoop()
print("run", loop.run_until_complete(asyncio.sleep(0, "done")), handled(loop))
loop.close()
mine.close()
other.close()

# Another thread can't take back what the main thread has added, but closes the loop.
loop = ferrio.SelectorEventLoop()
loop.add_signal_handler(signal.SIGUSR1, print)


def close():
    try:
        loop.close()
    except ValueError as error:
        print(error, loop.is_closed())


thread = threading.Thread(target=close)
thread.start()
thread.join()
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
loop = ferrio.SelectorEventLoop()
print("after that", loop.run_until_complete(asyncio.sleep(0, "done")), handled(loop), current())
loop.close()
print(current())
