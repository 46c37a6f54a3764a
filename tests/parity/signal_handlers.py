import asyncio
import os
import signal

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    got = asyncio.Queue()
    loop.add_signal_handler(signal.SIGUSR1, got.put_nowait, "usr1")
    os.kill(os.getpid(), signal.SIGUSR1)
    print(await got.get())
    print(loop.remove_signal_handler(signal.SIGUSR1), loop.remove_signal_handler(signal.SIGUSR1))
    print(signal.getsignal(signal.SIGUSR1))
    for wrong in (0, 1000, "text", signal.SIGKILL):
        try:
            loop.add_signal_handler(wrong, print)
        except Exception as error:
            print(type(error).__name__, error)
    try:
        loop.add_signal_handler(signal.SIGUSR1, main)
    except TypeError as error:
        print(error)

    def off_the_main_thread():
        try:
            loop.add_signal_handler(signal.SIGUSR1, print)
        except RuntimeError as error:
            print(error)

    await asyncio.to_thread(off_the_main_thread)


ferrio.run(main())
