"""A Jupyter kernel on Ferrio, and a client of it, which runs on Ferrio too. KERNEL is in the environment."""

import asyncio
import os

import ferrio
from jupyter_client import AsyncKernelManager

# Seconds until a kernel must have answered.
PATIENCE = 60

CELLS = [
    "import asyncio; await asyncio.sleep(0.01); type(asyncio.get_running_loop()).__module__",
    "type(asyncio.current_task()).__module__",
    "await asyncio.gather(*(asyncio.sleep(0.01, n) for n in range(3)))",
    "async def work(): await asyncio.sleep(0.01); return 7\ntask = asyncio.create_task(work())",
    "await task",
    "raise ValueError('wanted')",
    "import time; time.sleep(0.01); 1 + 1",
    "await asyncio.to_thread(pow, 2, 10)",
]


async def run_cell(client, code):
    """Run a cell; return what it gives or the error that it ends with."""
    results = []

    def on_output(message):
        content = message["content"]
        if message["msg_type"] == "execute_result":
            results.append(content["data"]["text/plain"])
        elif message["msg_type"] == "error":
            results.append(f"{content['ename']}: {content['evalue']}")

    await client.execute_interactive(code, timeout=PATIENCE, output_hook=on_output)
    return " ".join(results)


async def main():
    manager = AsyncKernelManager(kernel_name=os.environ["KERNEL"])
    await manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=PATIENCE)
        for cell in CELLS:
            print(await run_cell(client, cell))
        # A cell that waits is interrupted, and the kernel goes on.
        code = "print('begins', flush=True); await asyncio.sleep(1000)"
        begun = asyncio.Event()

        def on_output(message):
            if message["msg_type"] == "stream":
                begun.set()
            elif message["msg_type"] == "error":
                print("interrupted:", message["content"]["ename"])

        cell = asyncio.create_task(client.execute_interactive(code, timeout=PATIENCE, output_hook=on_output))
        await begun.wait()
        await manager.interrupt_kernel()
        await cell
        print(await run_cell(client, "'goes on'"))
    finally:
        client.stop_channels()
        await manager.shutdown_kernel()


if __name__ == "__main__":
    ferrio.run(main())
