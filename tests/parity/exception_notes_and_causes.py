import asyncio

import ferrio


async def fails():
    try:
        raise ValueError("with a note")
    except ValueError as error:
        error.add_note("the note")
        raise


async def chained():
    try:
        await fails()
    except ValueError as error:
        raise TypeError("outer") from error


async def main():
    for run in (
        lambda: chained(),
        lambda: asyncio.create_task(chained()),
        lambda: asyncio.gather(chained()),
        lambda: asyncio.wait_for(chained(), 1),
        lambda: asyncio.shield(chained()),
    ):
        try:
            await run()
        except TypeError as error:
            print(error, repr(error.__cause__), error.__cause__.__notes__, error.__suppress_context__)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(fails())
    except* ValueError as group:
        print(group.exceptions[0].__notes__)
    future = asyncio.get_running_loop().create_future()
    try:
        future.set_exception(StopIteration())
    except TypeError as error:
        print(error)
    task = asyncio.create_task(fails())
    await asyncio.wait([task])
    frames = []
    traceback = task.exception().__traceback__
    while traceback is not None:
        frames.append(traceback.tb_frame.f_code.co_name)
        traceback = traceback.tb_next
    print(frames)
    depths = []
    for _ in range(3):
        try:
            await task
        except ValueError as error:
            depths.append(len(list(walk(error.__traceback__))))
    print(depths)


def walk(traceback):
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


ferrio.run(main())
