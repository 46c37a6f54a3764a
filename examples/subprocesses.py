"""Child programs by exec and by shell, with pipes, signals and exit codes."""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT

import ferrio


async def main() -> None:
    """Run some children."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "print(input()[::-1])", stdin=PIPE, stdout=PIPE
    )
    output, _ = await child.communicate(b"stressed\n")
    print("exec:", output.decode().strip(), child.returncode)

    child = await asyncio.create_subprocess_shell("echo out; echo err >&2; exit 3", stdout=PIPE, stderr=PIPE)
    output, errors = await child.communicate()
    print("shell:", output, errors, child.returncode)

    child = await asyncio.create_subprocess_shell("echo one; echo two >&2", stdout=PIPE, stderr=STDOUT)
    assert child.stdout is not None
    print("lines:", [line async for line in child.stdout], await child.wait())

    child = await asyncio.create_subprocess_exec("sleep", "60", stdout=DEVNULL)
    child.terminate()
    print("terminated:", await child.wait())
    child = await asyncio.create_subprocess_exec("sleep", "60")
    child.kill()
    print("killed:", await child.wait())

    children = [await asyncio.create_subprocess_shell(f"exit {code}") for code in range(5)]
    print("codes:", await asyncio.gather(*[child.wait() for child in children]))

    try:
        await asyncio.create_subprocess_exec("/nowhere/nothing")
    except FileNotFoundError as error:
        print("not found:", error.filename)


if __name__ == "__main__":
    ferrio.run(main())
