"""Messages of wrong arguments."""

import asyncio
import inspect

import ferrio


def attempt(function, *arguments, **keywords):
    try:
        result = function(*arguments, **keywords)
    except TypeError as error:
        print(error)
        return
    if inspect.iscoroutine(result):
        result.close()
    print("ok")


async def main():
    loop = asyncio.get_running_loop()
    for kind in (
        ferrio.Queue,
        ferrio.LifoQueue,
        ferrio.Condition,
        ferrio.Semaphore,
        ferrio.Barrier,
        ferrio.StreamReader,
    ):
        attempt(kind, 1, 2, 3)
        attempt(kind, unknown=1)
    for kind in (ferrio.Lock, ferrio.Event):
        attempt(kind, 1)
    attempt(ferrio.Barrier)
    for function in (
        ferrio.sleep,
        ferrio.wait,
        ferrio.wait_for,
        ferrio.shield,
        ferrio.timeout,
        ferrio.timeout_at,
        ferrio.to_thread,
        ferrio.wrap_future,
        loop.call_soon,
        loop.call_soon_threadsafe,
        loop.call_later,
        loop.call_at,
        loop.create_task,
        loop.add_reader,
        loop.sock_recv,
        loop.sock_recv_into,
        loop.sock_sendall,
        loop.sock_accept,
    ):
        attempt(function)
    attempt(ferrio.sleep, 1, 2, 3)
    attempt(ferrio.sleep, unknown=1)
    attempt(ferrio.wait_for, 1)
    attempt(ferrio.shield, 1, 2)
    attempt(ferrio.gather, unknown=1)
    attempt(loop.call_later, 1)
    attempt(loop.call_soon, print, unknown=1)
    attempt(loop.add_reader, 1)
    attempt(loop.sock_recv, 1)
    attempt(loop.sock_recv, 1, 2, 3)
    queue, lock, reader = ferrio.Queue(), ferrio.Lock(), ferrio.StreamReader()
    condition = ferrio.Condition()
    attempt(queue.put)
    attempt(queue.put_nowait)
    attempt(queue.put_nowait, 1, 2)
    attempt(queue.get, 1)
    attempt(queue.get_nowait, 1)
    attempt(queue.qsize, 1)
    attempt(queue.empty, 1)
    attempt(queue.full, 1)
    attempt(queue.task_done, 1)
    attempt(lock.acquire, 1)
    attempt(condition.notify, 1, 2)
    attempt(condition.wait, 1)
    attempt(condition.wait_for)
    attempt(reader.read, 1, 2)
    attempt(reader.readline, 1)
    attempt(reader.readexactly)
    attempt(reader.readuntil, 1, 2)
    attempt(reader.feed_data)


ferrio.run(main())
