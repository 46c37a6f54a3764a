import asyncio

import ferrio


async def main():
    loop = asyncio.get_running_loop()
    for arguments, keywords in (
        (("/no/such/program",), {}),
        (("true",), {"cwd": "/no/such/folder"}),
        ((__file__,), {}),
    ):
        try:
            await asyncio.create_subprocess_exec(*arguments, **keywords)
        except OSError as error:
            print(type(error).__name__)
    for keywords in (
        {"universal_newlines": True},
        {"shell": True},
        {"bufsize": 1},
        {"text": True},
        {"encoding": "ascii"},
        {"errors": "strict"},
    ):
        try:
            await loop.subprocess_exec(asyncio.SubprocessProtocol, "true", **keywords)
        except ValueError as error:
            print(error)
    child = await asyncio.create_subprocess_exec("true")
    print(await child.wait(), child.returncode, repr(child).startswith("<Process"))
    # the transport is closed a moment after the child has ended
    await asyncio.sleep(0.05)
    try:
        child.kill()
    except ProcessLookupError:
        print("gone")
    child = await asyncio.create_subprocess_shell("cat", stdin=-1, stdout=-1)
    data = b"0123456789" * 300_000
    output, _ = await child.communicate(data)
    print(output == data, child.returncode)


ferrio.run(main())
