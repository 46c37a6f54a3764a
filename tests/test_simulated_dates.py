"""ferrio.testing: the module datetime follows the loop's clock in a closed simulation, and only there."""

import asyncio
import copy
import datetime as module
import gc
import pickle
import subprocess
import sys
import threading
import time
import warnings
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

import ferrio
import pytest
from ferrio import testing
from support.processes import output

START = datetime(2026, 1, 1, tzinfo=UTC)

# Taken before any run, as programs do.
NOW, TODAY = datetime.now, date.today


def utcnow(kind=datetime):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return kind.utcnow()


def in_memory(main, **options):
    return testing.run(main(), network="memory", **options)


def is_real(moment):
    return abs(moment.timestamp() - time.time()) < 60


def test_every_name_of_every_function_follows_the_clock():
    async def main():
        await asyncio.sleep(36 * 3600)
        expected = START + timedelta(hours=36)
        for now in (datetime.now, module.datetime.now, NOW):
            assert now(UTC) == now(tz=UTC) == expected
            assert now() == expected.astimezone().replace(tzinfo=None)
            assert now().tzinfo is None
        assert utcnow() == expected.replace(tzinfo=None)
        assert datetime.today() == datetime.now()
        assert date.today() == TODAY() == datetime.now().date()
        assert datetime.now(UTC).timestamp() == time.time()
        assert type(datetime.now()) is datetime and type(date.today()) is date
        # A zone of the program's own, and one with minutes.
        half = timezone(timedelta(hours=5, minutes=30), "IST")
        assert datetime.now(half).isoformat() == "2026-01-02T17:30:00+05:30"
        return datetime.now()

    assert in_memory(main) == in_memory(main)


def test_classes_and_what_they_make_stay_what_they_are():
    class Derived(datetime):
        def __new__(cls, *args, **keywords):
            self = super().__new__(cls, *args, **keywords)
            self.note = "made"
            return self

        @classmethod
        def fromtimestamp(cls, *_):
            raise AssertionError("now() does not ask it")

    class Day(date):
        pass

    class Zone(tzinfo):
        def utcoffset(self, moment):
            return timedelta(hours=1)

        def dst(self, moment):
            return timedelta(0)

        def fromutc(self, moment):
            return super().fromutc(moment)

    async def main():
        assert datetime is module.datetime and isinstance(datetime.now(), datetime)
        now = Derived.now()
        assert type(now) is Derived and now.note == "made" and isinstance(now, datetime)
        assert type(utcnow(Derived)) is Derived
        assert type(Day.today()) is Day and Day.today() == date(2026, 1, 1)
        assert Derived.now(Zone()).hour == 1
        assert now == datetime.now() and now - datetime.now() == timedelta(0)
        for moment in (datetime.now(), datetime.now(UTC), date.today()):
            assert pickle.loads(pickle.dumps(moment)) == copy.copy(moment) == moment
            assert len({moment, pickle.loads(pickle.dumps(moment))}) == 1

    in_memory(main)


def test_wrong_arguments_get_the_interpreters_own_errors():
    def errors():
        found = []
        for call in (
            lambda: datetime.now(1),
            lambda: datetime.now(UTC, 2),
            lambda: datetime.now(zone=None),
            lambda: datetime.utcnow(1),
            lambda: date.today(1),
        ):
            with pytest.raises(TypeError) as caught:
                call()
            found.append(str(caught.value))
        return found

    async def main():
        return errors()

    assert in_memory(main) == errors()
    if sys.version_info >= (3, 12):

        async def deprecated():
            with pytest.warns(DeprecationWarning, match="utcnow") as noted:
                datetime.utcnow()
            assert len(noted) == 1 and noted[0].filename == __file__
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                with pytest.raises(DeprecationWarning):
                    datetime.utcnow()

        in_memory(deprecated)


def test_it_is_the_real_clock_before_after_and_in_other_threads():
    async def main():
        assert datetime.now(UTC) == START
        release.set()
        return await asyncio.to_thread(datetime.now)

    async def fails():
        assert datetime.now(UTC) == START
        raise LookupError

    async def real():
        assert is_real(datetime.now()) and date.today() == date.fromtimestamp(time.time())

    in_other, release = [], threading.Event()

    def other():
        release.wait(20)
        in_other.append(datetime.now())

    thread = threading.Thread(target=other)
    thread.start()
    before = datetime.now()
    assert is_real(in_memory(main, allow=["threads"]))
    thread.join()
    assert is_real(in_other[0]) and is_real(before)
    with pytest.raises(LookupError):
        in_memory(fails)
    assert is_real(datetime.now()) and is_real(NOW()) and TODAY() == date.fromtimestamp(time.time())
    # The wall time is allowed, or nothing is closed.
    in_memory(real, allow=["wall time"])
    testing.run(real())
    ferrio.run(real())

    async def closed():
        assert datetime.now(UTC) == START

    testing.run(closed(), allow=[])


def test_each_host_has_its_own_clock():
    async def main():
        net = testing.network()
        net.host("db").clock_skew = -90

        async def now():
            return datetime.now(UTC), date.today()

        there = await net.host("db").create_task(now())
        assert there == (START - timedelta(seconds=90), (START - timedelta(seconds=90)).astimezone().date())
        assert datetime.now(UTC) == START

    in_memory(main)


def test_references_are_in_order():
    async def main():
        for _ in range(300):
            datetime.now(UTC)
            utcnow()
            date.today()

    in_memory(main)
    kept = type("Kept", (datetime,), {})
    gc.collect()
    before = sys.getrefcount(kept), sys.getrefcount(UTC)

    async def derived():
        for _ in range(300):
            kept.now(UTC)
            kept.today()

    in_memory(derived)
    gc.collect()
    assert all(
        now - then < 50
        for now, then in zip((sys.getrefcount(kept), sys.getrefcount(UTC)), before, strict=True)
    )


def test_a_tool_that_replaces_the_class_is_left_alone(monkeypatch):
    """freezegun does this."""

    class Frozen(datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(1999, 1, 1, tzinfo=tz)

    async def main():
        assert module.datetime.now() == datetime(1999, 1, 1)
        assert datetime.now(UTC) == START

    monkeypatch.setattr(module, "datetime", Frozen)
    in_memory(main)


def test_the_pure_python_module_and_a_first_import_in_the_run():
    code = """
import sys; sys.path[:0] = {path!r}
sys.modules["_datetime"] = None
import asyncio, datetime
from ferrio import testing

async def main():
    # Its now() asks time.time().
    return datetime.datetime.now(datetime.timezone.utc).isoformat(), datetime.date.today().isoformat()

print(*testing.run(main(), network="memory"))
"""
    result = subprocess.run(
        [sys.executable, "-c", code.format(path=sys.path)],
        capture_output=True,
        text=True,
        env={"TZ": "UTC"},
        timeout=60,
    )
    assert result.stdout == "2026-01-01T00:00:00+00:00 2026-01-01\n", result.stderr


def test_in_a_child_after_a_fork():
    code = """
import asyncio, datetime, os, time
from ferrio import testing

async def main():
    child = os.fork()
    if not child:
        # The child still runs in the simulation.
        os._exit(0 if datetime.datetime.now(datetime.timezone.utc).year == 2026 else 1)
    return os.waitpid(child, 0)[1]

assert testing.run(main(), network="memory", allow=["processes"]) == 0
child = os.fork()
if not child:
    os._exit(0 if abs(datetime.datetime.now().timestamp() - time.time()) < 60 else 1)
assert os.waitpid(child, 0)[1] == 0
print("done")
"""
    assert output(code, "-W", "ignore") == "done\n"


INTERPRETERS = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"

# 3.12.1 frees twice what another interpreter has left, when the process ends.
IN_ANOTHER_INTERPRETER = f"""
import os, {INTERPRETERS} as interpreters
from datetime import datetime
from ferrio import testing

async def main():
    code = "import datetime; print(datetime.datetime.now().timestamp(), flush=True)"
    interpreters.run_string(interpreters.create(), code)
    print(datetime.now().timestamp(), flush=True)

testing.run(main(), network="memory", allow=["threads"])
os._exit(0)
"""


def test_other_interpreters_of_the_process_have_the_real_time():
    pytest.importorskip(INTERPRETERS)
    done = subprocess.run(
        [sys.executable, "-c", IN_ANOTHER_INTERPRETER], capture_output=True, text=True, check=True, timeout=60
    )
    other, simulated = map(float, done.stdout.split())
    assert abs(other - time.time()) < 60 and abs(simulated - time.time()) > 60
