import asyncio
import os
import tempfile

import ferrio

PIPE, DEVNULL, STDOUT = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL, asyncio.subprocess.STDOUT
SCRIPT = "read line; echo out $line; echo err $line >&2"


async def main():
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as taken:
        given.write(b"from a file\n")
        given.seek(0)
        child = await asyncio.create_subprocess_exec(
            "sh", "-c", SCRIPT, stdin=given, stdout=taken, stderr=STDOUT
        )
        print(child.stdin, child.stdout, child.stderr, await child.wait())
        taken.seek(0)
        print(taken.read())
        taken.truncate(0)
        taken.seek(0)
        child = await asyncio.create_subprocess_exec(
            "sh", "-c", SCRIPT, stdin=DEVNULL, stdout=taken.fileno(), stderr=DEVNULL
        )
        print(await child.communicate(), child.returncode)
        taken.seek(0)
        print(taken.read())
    child = await asyncio.create_subprocess_exec("sh", "-c", SCRIPT, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    child.stdin.write(b"by pipe\n")
    await child.stdin.drain()
    print(await child.stdout.read(), await child.stderr.read(), await child.wait())
    child.stdin.close()
    child = await asyncio.create_subprocess_exec("sh", "-c", SCRIPT, stdin=PIPE, stdout=PIPE, stderr=STDOUT)
    print(await child.communicate(b"merged\n"))
    child = await asyncio.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE)
    print(await child.communicate(b""))
    reading, writing = os.pipe()
    child = await asyncio.create_subprocess_exec("echo", "to a descriptor", stdout=writing)
    os.close(writing)
    print(await child.wait(), os.read(reading, 100))
    os.close(reading)
    # Megabytes both ways, and a child that reads nothing.
    child = await asyncio.create_subprocess_exec(
        "sh", "-c", "tee /dev/stderr", stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    data = os.urandom(3_000_000)
    out, err = await child.communicate(data)
    print(out == data, err == data, child.returncode)
    child = await asyncio.create_subprocess_exec(
        "sh", "-c", "exec <&-; echo early; sleep 0.05", stdin=PIPE, stdout=PIPE
    )
    print(await child.communicate(data), child.returncode)
    child = await asyncio.create_subprocess_exec("true", stdin=PIPE)
    await child.wait()
    child.stdin.write(b"nobody reads this")
    try:
        await child.stdin.drain()
    except (BrokenPipeError, ConnectionResetError) as error:
        print("nobody")
    else:
        print("nobody")
    child.stdin.close()


ferrio.run(main())
