import asyncio
import sys

import ferrio


async def main():
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-u",
        "-c",
        "import sys\nfor line in sys.stdin: print(line.strip()[::-1])\nprint('bye', file=sys.stderr)",
        stdin=-1,
        stdout=-1,
        stderr=-1,
    )
    print(isinstance(child.stdout, asyncio.StreamReader), isinstance(child.stdin, asyncio.StreamWriter))
    print(isinstance(child, asyncio.subprocess.Process), child.returncode)
    for word in (b"one", b"two"):
        child.stdin.write(word + b"\n")
        await child.stdin.drain()
        print(await child.stdout.readline())
    child.stdin.close()
    await child.stdin.wait_closed()
    print(await child.stdout.read(), await child.stderr.readuntil(b"e"), await child.wait())
    child = await asyncio.create_subprocess_shell(
        "echo out; echo err >&2; exit 5", stdout=-1, stderr=-1, limit=10
    )
    async for line in child.stdout:
        print(line)
    print(await child.stderr.read(), await child.wait(), repr(child).startswith("<Process "))
    child = await asyncio.create_subprocess_shell("printf 'a very long line'", stdout=-1, limit=5)
    try:
        await child.stdout.readuntil(b"|")
    except (asyncio.LimitOverrunError, asyncio.IncompleteReadError) as error:
        print(type(error).__name__)
    print(await child.communicate(), child.returncode)


ferrio.run(main())
