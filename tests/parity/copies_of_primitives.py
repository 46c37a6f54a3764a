"""Primitives are copied and pickled as ordinary objects, and the copies work."""

import asyncio
import copy
import dataclasses
import pickle

import ferrio


@dataclasses.dataclass
class Resource:
    lock: asyncio.Lock = dataclasses.field(default_factory=asyncio.Lock)
    queue: asyncio.Queue = dataclasses.field(default_factory=asyncio.Queue)


class SetQueue(asyncio.Queue):
    def _init(self, maxsize):
        self._queue = set()

    def _put(self, item):
        self._queue.add(item)

    def _get(self):
        return self._queue.pop()


class NamedLock(asyncio.Lock):
    def __init__(self, name):
        super().__init__()
        self.name = name


def primitives():
    queue = asyncio.Queue(3)
    queue.put_nowait([1])
    heap = asyncio.PriorityQueue()
    heap.put_nowait(3)
    heap.put_nowait(1)
    items = SetQueue()
    items.put_nowait(4)
    event = asyncio.Event()
    event.set()
    bounded = asyncio.BoundedSemaphore(3)
    semaphore = asyncio.Semaphore(2)
    return [
        (asyncio.Lock(), lambda lock: lock.locked()),
        (event, lambda event: event.is_set()),
        (asyncio.Condition(), lambda condition: condition.locked()),
        (semaphore, lambda semaphore: semaphore._value),
        (bounded, lambda semaphore: (semaphore._value, semaphore._bound_value)),
        (asyncio.Barrier(2), lambda barrier: (barrier.parties, barrier.n_waiting, barrier.broken)),
        (
            queue,
            lambda queue: (
                queue.maxsize,
                queue.get_nowait(),
                queue._unfinished_tasks,
                queue._finished.is_set(),
            ),
        ),
        (asyncio.LifoQueue(), lambda queue: queue.qsize()),
        (heap, lambda queue: (queue.get_nowait(), queue.get_nowait())),
        (asyncio.TaskGroup(), repr),
        (asyncio.Timeout(4), lambda timeout: (timeout.when(), timeout.expired())),
        (Resource(), lambda resource: (resource.lock.locked(), resource.queue.qsize())),
        (items, lambda queue: (queue.qsize(), queue.get_nowait(), queue._queue)),
        (NamedLock("a"), lambda lock: (lock.name, lock.locked())),
    ]


def pickled(protocol):
    return lambda original: pickle.loads(pickle.dumps(original, protocol))


def copies():
    for name, way in [
        ("copy", copy.copy),
        ("deepcopy", copy.deepcopy),
        ("pickle 0", pickled(0)),
        ("pickle 5", pickled(5)),
    ]:
        for original, look in primitives():
            try:
                another = way(original)
            except Exception as error:
                print(name, type(original).__name__, type(error).__name__, error)
                continue
            print(name, type(another).__name__, another is original, look(another))


async def use():
    lock = copy.deepcopy(asyncio.Lock())
    async with lock:
        print(lock.locked())
        print("held", copy.copy(lock).locked())
    condition = copy.deepcopy(asyncio.Condition())
    async with condition:
        condition.notify_all()
        print(condition.locked(), condition._lock.locked())
    barrier = copy.deepcopy(asyncio.Barrier(2))
    print(sorted(await asyncio.gather(barrier.wait(), barrier.wait())))
    queue = copy.deepcopy(asyncio.Queue(1))
    getter = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    await queue.put(4)
    print(await getter)
    queue.task_done()
    await queue.join()
    event = copy.deepcopy(asyncio.Event())
    waiter = asyncio.create_task(event.wait())
    await asyncio.sleep(0)
    event.set()
    print(await waiter)
    async with copy.deepcopy(asyncio.TaskGroup()) as group:
        task = group.create_task(asyncio.sleep(0, 5))
    print(task.result())
    bounded = copy.deepcopy(asyncio.BoundedSemaphore(1))
    async with bounded:
        print(bounded.locked())


async def in_use():
    """What somebody waits for can't be copied: neither can its futures and the loop."""
    lock, event, semaphore, queue = asyncio.Lock(), asyncio.Event(), asyncio.Semaphore(0), asyncio.Queue()
    await lock.acquire()
    waits = [lock.acquire(), event.wait(), semaphore.acquire(), queue.get()]
    waiters = [asyncio.create_task(wait) for wait in waits]
    await asyncio.sleep(0)
    for original in (lock, event, semaphore, queue):
        try:
            copy.deepcopy(original)
        except TypeError:
            print(type(original).__name__, "can't be copied")
        else:
            print(type(original).__name__, "is copied")
    for waiter in waiters:
        waiter.cancel()
    await asyncio.wait(waiters)


copies()
ferrio.run(use())
ferrio.run(in_use())
