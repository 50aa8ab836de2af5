"""What Prometheus sees: a registry of this controller's own, so that several can live in one process."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Metrics:
    """Counters of requests and background work; gauges are set when they are asked for."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "changeline_http_requests", "HTTP requests.", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "changeline_http_request_seconds", "Time to the end of the response, streams excluded.", ["route"],
            registry=self.registry, buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
        )  # fmt: skip
        self.dispatched = Counter("changeline_dispatched", "Change requests given to workers.", registry=self.registry)
        self.workers_lost = Counter("changeline_workers_lost", "Workers that died.", registry=self.registry)
        self.effects = Counter(
            "changeline_effects", "Tries of effects by outcome.", ["kind", "outcome"], registry=self.registry
        )
        self.streams = Gauge("changeline_event_streams", "Open event streams.", registry=self.registry)
        self.change_requests = Gauge(
            "changeline_change_requests", "Change requests by status.", ["status"], registry=self.registry
        )
        self.loop_healthy = Gauge(
            "changeline_background_healthy", "1 while a background loop works.", ["loop"], registry=self.registry
        )

    def render(self) -> bytes:
        """Return the text exposition format."""
        return generate_latest(self.registry)
