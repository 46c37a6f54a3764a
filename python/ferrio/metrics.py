"""What Ferrio's loops count, for prometheus_client and for OpenTelemetry.

    prometheus_client.REGISTRY.register(ferrio.metrics.PrometheusCollector())
    ferrio.metrics.instrument(opentelemetry.metrics.get_meter("ferrio"))

Neither package is imported before it is used here. The figures are those of `ferrio.stats()`, of all loops
of the process that are not closed. They are read when somebody collects them, and cost nothing before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ferrio.inspection.statistics import Stats, stats
from ferrio.loop import living_loops

__all__ = ("PrometheusCollector", "instrument")

# The name, whether it only grows, the unit, what it says, and how it is read.
_METRICS: tuple[tuple[str, bool, str, str, Callable[[Stats], float]], ...] = (
    ("iterations", True, "", "Iterations of the loop", lambda one: one.iterations),
    ("callbacks", True, "", "Callbacks that have begun", lambda one: one.callbacks),
    ("tasks", False, "", "Tasks that are not done", lambda one: one.tasks),
    ("ready", False, "", "Callbacks that are ready to run", lambda one: one.ready),
    ("timers", False, "", "Timers that are not cancelled", lambda one: one.timers),
    ("descriptors", False, "", "Descriptors that are watched", lambda one: one.descriptors),
    ("connections", False, "", "Connections that are open", lambda one: one.connections),
    ("transports", True, "", "Transports that were opened", lambda one: one.connections_total),
    ("received", True, "bytes", "Bytes that connections have received", lambda one: one.bytes_in),
    ("sent", True, "bytes", "Bytes that connections have sent", lambda one: one.bytes_out),
    ("unsent", False, "bytes", "Bytes that wait to be sent", lambda one: one.bytes_waiting),
    ("executor_running", False, "", "Calls that run in threads", lambda one: one.executor_running),
    ("executor_queued", False, "", "Calls that wait for a thread", lambda one: one.executor_queued),
    ("blocked", False, "seconds", "For how long the callback that runs now blocks", lambda one: one.blocked),
)

# The lag of the last one to two minutes.
_LAGS: tuple[tuple[str, Callable[[Stats], float]], ...] = (
    ("0.5", lambda one: one.lag_p50),
    ("0.99", lambda one: one.lag_p99),
    ("1", lambda one: one.lag_worst),
)

_LAG = "For how long the loop did not look at the outside, in the last one to two minutes"


def _all() -> list[tuple[str, Stats]]:
    """Return the figures of each loop, with a label: the number of its place among the loops."""
    loops = sorted(living_loops(), key=id)
    return [(str(number), stats(loop)) for number, loop in enumerate(loops)]


class PrometheusCollector:
    """A collector of prometheus_client, for `registry.register()`: gauges and counters named ferrio_*.

    The label "loop" tells the loops of a process apart. ferrio_lag_seconds has the label "quantile": 0.5,
    0.99, and 1 for the worst.
    """

    def describe(self) -> Iterable[Any]:
        """Return nothing: the registry need not collect to learn the names."""
        return []

    def collect(self) -> Iterator[Any]:
        """Yield the metrics."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        found = _all()
        for name, grows, unit, text, read in _METRICS:
            kind = CounterMetricFamily if grows else GaugeMetricFamily
            family = kind("_".join(filter(None, ["ferrio", name, unit])), text, labels=["loop"])
            for label, figures in found:
                family.add_metric([label], read(figures))
            yield family
        lag = GaugeMetricFamily("ferrio_lag_seconds", _LAG, labels=["loop", "quantile"])
        for label, figures in found:
            for quantile, read in _LAGS:
                lag.add_metric([label, quantile], read(figures))
        yield lag


def instrument(meter: Any) -> list[Any]:
    """Create observable instruments named ferrio.* in a meter of OpenTelemetry. Return them.

    TypeError for an object that is no meter.
    """
    from opentelemetry.metrics import Meter, Observation

    if not isinstance(meter, Meter):
        raise TypeError(f"a meter of OpenTelemetry is expected, not {type(meter).__name__}")

    def observe(read: Callable[[Stats], float]) -> Callable[[Any], list[Any]]:
        return lambda _: [Observation(read(figures), {"loop": label}) for label, figures in _all()]

    def observe_lag(_: Any) -> list[Any]:
        return [
            Observation(read(figures), {"loop": label, "quantile": quantile})
            for label, figures in _all()
            for quantile, read in _LAGS
        ]

    made: list[Any] = []
    for name, grows, unit, text, read in _METRICS:
        create = meter.create_observable_counter if grows else meter.create_observable_gauge
        made.append(create(f"ferrio.{name}", [observe(read)], _UNITS.get(unit, "1"), text))
    made.append(meter.create_observable_gauge("ferrio.lag", [observe_lag], "s", _LAG))
    return made


# OpenTelemetry's names of the units (UCUM).
_UNITS = {"bytes": "By", "seconds": "s"}
