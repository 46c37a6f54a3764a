"""Two runs of one schedule are equal, wherever objects are and whenever garbage is collected."""

import asyncio
import subprocess
import sys

import ferrio
from ferrio import testing


def test_sets_of_tasks_and_futures_have_the_same_order_each_time():
    async def main():
        async def generate():
            try:
                yield 1
            finally:
                seen.append("closed")

        async def work(number):
            try:
                async for _ in generate():
                    await asyncio.sleep(3600)
            finally:
                seen.append(number)

        seen = []
        tasks = {asyncio.create_task(work(number)) for number in range(40)}
        futures = {asyncio.get_running_loop().create_future() for _ in range(40)}
        names = {future: number for number, future in enumerate(futures)}
        await asyncio.sleep(1)
        for future in futures | set(names):
            seen.append(names[future])
        for task in tasks:
            task.cancel()
        done, _ = await asyncio.wait(tasks)
        seen.append([task.get_coro().__name__ for task in done])
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        return seen

    first, kept = testing.run(main()), []
    for round in range(30):
        # The objects of each run have other addresses.
        kept += [bytearray(8 * size) for size in range(1, 100, 1 + round % 7)]
        del kept[:: 2 + round % 5]
        assert testing.run(main()) == first


def test_a_hash_that_was_asked_for_stays():
    async def main():
        future = asyncio.get_running_loop().create_future()
        first = hash(future)
        others = [asyncio.get_running_loop().create_future() for _ in range(40_000)]
        hashes = {hash(other) for other in others}
        assert len(hashes) > 30_000 and min(hashes) > 0
        assert hash(future) == first
        return future

    loop = ferrio.new_event_loop()
    plain = loop.create_future()
    loop.close()
    assert hash(plain) == object.__hash__(plain)
    assert hash(testing.run(main())) == 1


# The thresholds have garbage collected at other times, which gives other addresses.
TRACED = """
import sys; sys.path[:0] = {path!r}
import asyncio, functools, gc
gc.set_threshold({threshold})
from ferrio import testing
from support.planted import FAULTS
for fault in FAULTS:
    failure = testing.find(functools.partial(fault, False))
    print(fault.__name__, failure.seed, failure.schedule)
    print(failure.report)
"""


def test_reports_are_equal_byte_for_byte_in_other_processes():
    outputs = set()
    for hash_seed, threshold in (("0", 2000), ("1", 333), ("random", 10)):
        outputs.add(
            subprocess.run(
                [sys.executable, "-c", TRACED.format(path=sys.path, threshold=threshold)],
                env={"PYTHONHASHSEED": hash_seed},
                capture_output=True,
                check=True,
                timeout=60,
            ).stdout
        )
    assert len(outputs) == 1 and b"retry_that_doubles" in outputs.pop()
