"""ferrio.stats(): what a loop counts; and ferrio.metrics."""

import asyncio
import importlib.util
import threading
import time

import ferrio
import pytest
from support.processes import output


def test_what_is_counted():
    async def main():
        before = ferrio.stats()
        for _ in range(100):
            await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        timer = loop.call_later(60, print)
        gone = loop.call_later(60, print)
        gone.cancel()
        loop.call_soon(int)
        after = ferrio.stats(loop)
        timer.cancel()
        assert after.running and after.tasks == 1
        assert after.iterations - before.iterations == 100
        assert after.callbacks - before.callbacks == 100
        assert (after.ready, after.timers) == (1, 1)
        assert isinstance(after, ferrio.Stats)

    ferrio.run(main())


def test_calls_in_threads():
    async def main():
        loop = asyncio.get_running_loop()
        from concurrent.futures import ThreadPoolExecutor

        for own in (True, False):
            if not own:
                loop.set_default_executor(ThreadPoolExecutor(2))
            release = threading.Event()
            calls = [loop.run_in_executor(None, release.wait) for _ in range(60)]
            deadline = time.monotonic() + 30
            while True:
                stats = ferrio.stats()
                if (
                    stats.executor_running + stats.executor_queued == 60
                    and stats.executor_running == stats.executor_threads
                ):
                    break
                assert time.monotonic() < deadline, stats
                await asyncio.sleep(0.01)
            release.set()
            await asyncio.gather(*calls)
            while ferrio.stats().executor_running:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.01)

    ferrio.run(main())


def test_the_lag():
    async def main():
        assert ferrio.stats().lag_worst < 0.15
        await asyncio.sleep(0.01)
        time.sleep(0.2)
        # The callback still runs.
        assert ferrio.stats().blocked >= 0.2
        await asyncio.sleep(0.01)
        for _ in range(200):
            await asyncio.sleep(0.0001)
        stats = ferrio.stats()
        assert 0.2 <= stats.lag_worst < 5
        assert 0 < stats.lag_p50 <= stats.lag_p99 <= stats.lag_worst
        assert stats.lag_p50 < 0.1
        assert stats.lag_samples >= 200

    ferrio.run(main())


def test_another_thread_may_ask():
    found = []

    async def main():
        loop = asyncio.get_running_loop()
        thread = threading.Thread(target=lambda: found.append(ferrio.stats(loop)))
        thread.start()
        # The loop is blocked meanwhile.
        thread.join()

    ferrio.run(main())
    assert found[0].running and found[0].tasks == 1


@pytest.mark.parametrize("clock", ["virtual", "real"])
def test_the_lag_of_a_simulated_loop_is_in_real_time(clock):
    from ferrio import testing

    async def main():
        await asyncio.sleep(3600 if clock == "virtual" else 0.01)
        time.sleep(0.05)
        assert ferrio.stats().blocked >= 0.05
        await asyncio.sleep(0.001)
        return ferrio.stats()

    stats = testing.run(main(), clock=clock)
    # The hour did not pass for the one who looks from outside.
    assert 0.05 <= stats.lag_worst < 30
    assert stats.lag_samples > 0 and stats.iterations > 2 and stats.callbacks > 2


def test_debug_mode_times_tasks_only_while_the_loop_runs():
    from ferrio.inspection import statistics

    loop = ferrio.new_event_loop()
    loop.set_debug(True)

    async def main():
        await asyncio.sleep(0)
        return len(statistics.times_of(loop))

    try:
        # A run with an error, and one inside of nothing else.
        with pytest.raises(ZeroDivisionError):
            loop.run_until_complete(_fails())
        assert statistics.times_of(loop) == {} and not loop._times_tasks
        assert loop.run_until_complete(main()) == 1
        assert not loop._times_tasks
        loop.set_debug(False)
        assert loop.run_until_complete(main()) == 0
        # Who looks meanwhile goes on to see the times.
        loop.set_debug(True)
        statistics.look()
        loop.run_until_complete(main())
        assert loop._times_tasks
    finally:
        statistics._asked = 0.0
        loop.close()


async def _fails():
    await asyncio.sleep(0)
    raise ZeroDivisionError


def test_bad_input():
    with pytest.raises(RuntimeError, match="no running event loop"):
        ferrio.stats()
    for bad in (1, asyncio, object()):
        with pytest.raises(TypeError, match="a loop of Ferrio's is expected"):
            ferrio.stats(bad)
    loop = ferrio.new_event_loop()
    loop.close()
    stats = ferrio.stats(loop)
    assert not stats.running and stats.descriptors == 0


def test_times_of_tasks():
    from ferrio.inspection.statistics import times_of

    async def works():
        for _ in range(5):
            time.sleep(0.002)
            await asyncio.sleep(0)
        await asyncio.sleep(60)

    async def main():
        loop = asyncio.get_running_loop()
        assert times_of(loop) == {}
        loop._time_tasks(True)
        task = asyncio.create_task(works())
        ended = asyncio.create_task(asyncio.sleep(0))
        await asyncio.sleep(0.05)
        times = times_of(loop)
        assert id(ended) not in times
        one = times[id(task)]
        assert one.steps == 6
        assert 0.01 <= one.running <= one.age
        assert 0.002 <= one.longest <= one.running
        assert one.waiting <= one.age - one.running + 0.001
        loop._keep_times_of([id(asyncio.current_task())])
        assert id(task) not in times_of(loop)
        loop._time_tasks(False)
        await asyncio.sleep(0)
        assert times_of(loop) == {}
        task.cancel()

    ferrio.run(main())


def test_prometheus():
    client = pytest.importorskip("prometheus_client")
    from ferrio import metrics

    async def main():
        await asyncio.sleep(0)
        registry = client.CollectorRegistry()
        registry.register(metrics.PrometheusCollector())
        return client.generate_latest(registry).decode()

    text = ferrio.run(main())
    assert 'ferrio_tasks{loop="0"} 1.0' in text
    assert 'ferrio_lag_seconds{loop="0",quantile="0.99"}' in text
    assert "ferrio_callbacks_total" in text and "ferrio_received_bytes_total" in text


def test_opentelemetry():
    """In a process of its own, because what it imports keeps a descriptor open."""
    if importlib.util.find_spec("opentelemetry") is None:
        pytest.skip("needs opentelemetry-sdk")
    script = """
        import asyncio, ferrio
        from ferrio import metrics
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        async def main():
            reader = InMemoryMetricReader()
            provider = MeterProvider(metric_readers=[reader])
            metrics.instrument(provider.get_meter("ferrio"))
            await asyncio.sleep(0)
            data = reader.get_metrics_data()
            provider.shutdown()
            return {one.name: one for one in data.resource_metrics[0].scope_metrics[0].metrics}
        found = ferrio.run(main())
        print(found["ferrio.tasks"].data.data_points[0].value)
        print(sorted(point.attributes["quantile"] for point in found["ferrio.lag"].data.data_points))
        try:
            metrics.instrument(1)
        except TypeError as error:
            print(error)
    """
    assert output(script).splitlines() == [
        "1",
        "['0.5', '0.99', '1']",
        "a meter of OpenTelemetry is expected, not int",
    ]
