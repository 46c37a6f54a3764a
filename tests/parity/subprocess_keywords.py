import asyncio
import os
import sys
import tempfile

import ferrio


async def output(*command, **keywords):
    child = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, **keywords
    )
    text, _ = await child.communicate()
    return text.decode().strip(), child.returncode


PYTHON = sys.executable


async def main():
    with tempfile.TemporaryDirectory() as folder:
        print((await output("pwd", cwd=folder))[0] == os.path.realpath(folder))
    print(await output("sh", "-c", "echo $ONE $TWO", env={"ONE": "1", "PATH": os.environ["PATH"]}))
    reading, writing = os.pipe()

    def write(text):
        return f"import os; os.write({writing}, b'{text}')"

    print(await output(PYTHON, "-c", write("through"), pass_fds=(writing,)), os.read(reading, 100))
    print((await output("sh", "-c", f"[ -e /proc/self/fd/{writing} ]", close_fds=True))[1])
    os.set_inheritable(writing, True)
    print(await output(PYTHON, "-c", write("open"), close_fds=False), os.read(reading, 100))
    os.close(reading)
    os.close(writing)
    print(await output("sh", "-c", "umask", umask=0o077))
    print(await output("name", "-c", "echo $0", executable="/bin/sh"))
    code = "import os; print(os.getsid(0) == os.getpid(), os.getpgid(0) == os.getpid())"
    print(await output(PYTHON, "-c", code, start_new_session=True))
    print(await output(PYTHON, "-c", code, process_group=0))
    print(await output(PYTHON, "-c", "import os; print(os.nice(0))", preexec_fn=lambda: os.nice(3)))
    if os.getuid() == 0:
        whose = ("sh", "-c", "id -u; id -g; id -G")
        print(await output(*whose, user=1234, group=2345, extra_groups=[3456]))
    print(await output("sh", "-c", "kill -15 $$", restore_signals=True))

    def fails():
        raise ValueError("no")

    for keywords in (
        {"preexec_fn": fails},
        {"cwd": "/no/such"},
        {"user": -5},
        {"nonsense": 1},
        {"pass_fds": [-1]},
    ):
        try:
            await output("true", **keywords)
        except Exception as error:
            print(type(error).__name__)
    shell = await asyncio.create_subprocess_shell("exit 3", executable="/bin/sh")
    print(await shell.wait())


ferrio.run(main())
