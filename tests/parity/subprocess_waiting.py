import asyncio
import signal
import threading

import ferrio


async def main():
    # Several wait.
    child = await asyncio.create_subprocess_exec("sh", "-c", "sleep 0.02; exit 7")
    print(await asyncio.gather(*[child.wait() for _ in range(5)]), await child.wait())
    # One that gives up does not hurt the others.
    child = await asyncio.create_subprocess_exec("sleep", "0.5")
    try:
        await asyncio.wait_for(child.wait(), 0.005)
    except TimeoutError:
        print("not yet", child.returncode)
    print(await child.wait())
    # Signals.
    for name in ("terminate", "kill"):
        child = await asyncio.create_subprocess_exec("sleep", "100")
        getattr(child, name)()
        print(name, await child.wait())
    child = await asyncio.create_subprocess_exec("sleep", "100")
    child.send_signal(signal.SIGUSR1)
    print(await child.wait(), child.pid > 0)
    await asyncio.sleep(0.01)
    for call in (child.kill, child.terminate, lambda: child.send_signal(0)):
        try:
            call()
        except ProcessLookupError:
            print("gone")
    # Many at once.
    children = [await asyncio.create_subprocess_exec("sh", "-c", f"exit {n}") for n in range(40)]
    print(sum(await asyncio.gather(*[child.wait() for child in children])))
    # In a thread's loop.
    result = []

    def other():
        async def inner():
            child = await asyncio.create_subprocess_exec(
                "echo", "in a thread", stdout=asyncio.subprocess.PIPE
            )
            return await child.communicate()

        result.append(ferrio.run(inner()))

    thread = threading.Thread(target=other)
    thread.start()
    await asyncio.to_thread(thread.join)
    print(result)
    # With SIGCHLD ignored or somebody else's.
    before = signal.signal(signal.SIGCHLD, lambda *args: None)
    child = await asyncio.create_subprocess_exec("sh", "-c", "exit 4")
    print(await child.wait())
    signal.signal(signal.SIGCHLD, before)


ferrio.run(main())
