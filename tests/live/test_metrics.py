import pytest
from prometheus_client.parser import text_string_to_metric_families

from anonymize.data import Region
from anonymize.kinds import Kind, Why
from anonymize.live.metrics import Limits, Metrics


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def metrics(clock):
    return Metrics("market", Limits(silent=10, obscured=60), clock)


def samples(metrics):
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }


def test_counts_reach_prometheus_and_the_page(metrics):
    metrics.frames_in(3)
    metrics.frames_out(2)
    metrics.obscured()
    metrics.dropped("late")
    metrics.detections("face", 4)
    metrics.late_detections(2)
    metrics.reconnect("source")
    metrics.sink_dropped("stdout", 7)
    metrics.things(2)
    for value in (0.41, 0.42, 0.9):
        metrics.latency(value)
    found, camera = samples(metrics), ("camera", "market")
    assert found["anonymize_frames_in_total", camera] == 3
    assert found["anonymize_frames_out_total", camera] == 2
    assert found["anonymize_frames_obscured_total", camera] == 1
    assert found["anonymize_frames_dropped_total", camera, ("reason", "late")] == 1
    assert found["anonymize_detections_total", camera, ("kind", "face")] == 4
    assert found["anonymize_looks_late_total", camera] == 2
    assert found["anonymize_things_visible", camera] == 2
    assert found["anonymize_latency_seconds_bucket", camera, ("le", "0.45")] == 2
    assert found["anonymize_memory_bytes", camera] > 1e6
    page = metrics.snapshot()
    assert page["frames"] == {"in": 3, "out": 2, "obscured": 1}
    assert page["dropped"] == {"late": 1}
    assert page["latency"]["median"] == 0.42
    assert page["sink_dropped"] == {"stdout": 7}
    assert page["reconnects"] == {"source": 1}


def test_stages_are_masked_and_dated(metrics, clock):
    metrics.stage("sink rtsp://u:geheim@h/x", "starting")
    clock.now += 5
    metrics.stage("sink rtsp://u:geheim@h/x", "ok", "to rtsp://u:geheim@h/x")
    clock.now += 2
    metrics.stage("sink rtsp://u:geheim@h/x", "ok", "still")
    clock.now += 1
    assert metrics.snapshot()["stages"] == {"sink rtsp://***@h/***": {"state": "ok", "detail": "still", "since": 3.0}}
    assert "geheim" not in metrics.text().decode()
    with pytest.raises(ValueError, match="expected one of starting, ok"):
        metrics.stage("source", "great")


def test_healthy_while_clear_frames_go_out(metrics, clock):
    assert metrics.health().why == "starting"
    for _ in range(200):
        clock.now += 1
        metrics.frames_out()
        assert metrics.health().ok
    assert metrics.health().why == "frames go out"


def test_unhealthy_when_nothing_goes_out(metrics, clock):
    metrics.frames_out()
    clock.now += 11
    assert metrics.health() == type(metrics.health())(False, "no frame has gone out for 11 s")
    metrics.frames_out()
    assert metrics.health().ok


def test_unhealthy_when_everything_is_obscured_for_long(metrics, clock):
    metrics.frames_out()
    for _ in range(62):
        clock.now += 1
        metrics.obscured()
        metrics.frames_out()
    assert not metrics.health().ok
    assert "fully obscured" in metrics.health().why
    metrics.frames_out()
    assert metrics.health().ok


def test_why_things_are_redacted(metrics):
    box = (0.0, 0.0, 9.0, 9.0)
    metrics.regions([Region(box, Kind.FACE, Why.DETECTED)] * 2 + [Region(box, Kind.AREA, Why.ZONE)])
    assert metrics.snapshot()["redacted"] == [
        {"kind": "area", "why": "zone", "n": 1},
        {"kind": "face", "why": "detected", "n": 2},
    ]
