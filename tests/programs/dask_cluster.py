"""dask.distributed on Ferrio: a scheduler and a client in this process, two workers in processes of their own.

It prints a line for each thing that a cluster does. The workers import this file too, and install Ferrio by that.
"""

import asyncio
import operator

import ferrio

ferrio.install()

import dask.array  # noqa: E402
import distributed  # noqa: E402

# Seconds for a worker to start, on a loaded machine too.
PATIENCE = 200

TASKS = 2000
SIDE = 400


def modules(loop):
    """The modules of a loop's class and of the classes of its tasks."""
    return {type(loop).__module__, *(type(task).__module__ for task in asyncio.all_tasks(loop))}


def modules_of_worker(dask_worker):
    return modules(dask_worker.loop.asyncio_loop)


def fail():
    raise ValueError("wanted")


async def wait_forever():
    await asyncio.Event().wait()


async def main():
    cluster = distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        dashboard_address=None,
        host="127.0.0.1",
        asynchronous=True,
        # dask kills a worker that takes longer to start.
        death_timeout=PATIENCE,
    )
    async with cluster, distributed.Client(cluster, asynchronous=True) as client:
        print("scheduler", *sorted(modules(cluster.scheduler.loop.asyncio_loop)))
        print("client", *sorted(modules(client.loop.asyncio_loop)))
        found = await client.run(modules_of_worker)
        print("workers", len(found), *sorted(set().union(*found.values())))
        print("tasks", sum(await client.gather(client.map(operator.neg, range(TASKS)))))
        matrix = dask.array.ones((SIDE, SIDE), chunks=(100, 100))
        product = await client.compute(matrix @ matrix)
        print("matrix", product.shape, product.min(), product.max())
        try:
            await client.submit(fail)
        except ValueError as error:
            print("error", error)
        # Not a function that blocks: its thread would still run when the worker is to end, and dask would kill that.
        future = client.submit(wait_forever)
        await future.cancel()
        print("cancel", future.status)
        await client.restart(timeout=PATIENCE)
        print("restart", await client.submit(operator.add, 1, 2), len(await client.run(modules_of_worker)))
        loop, executor = asyncio.get_running_loop(), client.get_executor()
        print(
            "executor", await asyncio.gather(*(loop.run_in_executor(executor, pow, 2, n) for n in range(4)))
        )


if __name__ == "__main__":
    asyncio.run(main())
    print("closed")
