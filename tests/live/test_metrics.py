import json
import subprocess
import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families

from anonymize.data import Region
from anonymize.kinds import Kind, Why
from anonymize.live.detector.pace import EFFORTS, ORDINARY, SMALL, THOROUGH
from anonymize.live.health import Cause, Health, Limits, Obstacle
from anonymize.live.metrics import Metrics, memory


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
    metrics.notice()
    metrics.dropped("late")
    metrics.detections("face", 4)
    metrics.late_detections(2)
    for effort in (THOROUGH, ORDINARY, SMALL, ORDINARY, EFFORTS[-2]):
        metrics.detected(0.1, effort)
    metrics.reconnect("source")
    metrics.sink_dropped("stdout", 7)
    metrics.things(2)
    for value in (0.41, 0.42, 0.9):
        metrics.latency(value)
    found, camera = samples(metrics), ("camera", "market")
    assert found["anonymize_frames_in_total", camera] == 3
    assert found["anonymize_frames_out_total", camera] == 2
    assert found["anonymize_frames_obscured_total", camera] == 1
    assert found["anonymize_frames_notice_total", camera] == 1
    assert found["anonymize_frames_dropped_total", camera, ("reason", "late")] == 1
    assert found["anonymize_detections_total", camera, ("kind", "face")] == 4
    assert found["anonymize_looks_late_total", camera] == 2
    assert found["anonymize_looks_total", camera, ("effort", "thorough")] == 1
    assert found["anonymize_looks_total", camera, ("effort", "ordinary")] == 2
    assert found["anonymize_looks_total", camera, ("effort", "small")] == 1
    assert found["anonymize_looks_total", camera, ("effort", "coarser")] == 1
    assert found["anonymize_look_coarser", camera] == EFFORTS[-2].coarser > 1
    assert found["anonymize_things_visible", camera] == 2
    assert found["anonymize_latency_seconds_bucket", camera, ("le", "0.45")] == 2
    assert found["anonymize_memory_bytes", camera] > 1e6
    page = metrics.snapshot()
    assert page["frames"] == {"in": 3, "out": 2, "obscured": 1, "notice": 1, "late": 0}
    assert page["dropped"] == {"late": 1}
    assert page["looks"] == {"all": 5, "late": 2, "thorough": 1, "ordinary": 2, "small": 1, "coarser": 1}
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


def test_unhealthy_once_a_sink_has_been_lost_for_long_while_frames_go_out(metrics, clock):
    """Also while it tries again: only a sink that is reached ends it."""
    name = "sink record:/srv/market"
    metrics.stage(name, "starting")
    metrics.stage("source", "lost")
    for after, state, ok in [
        (30, "ok", True),
        (0, "lost", True),
        (15, "starting", True),
        (4, "lost", True),
        (2, "starting", False),
        (30, "lost", False),
        (0, "ok", True),
        (50, "lost", True),
        (21, "stopped", True),
        (0, "failed", False),
    ]:
        clock.now += after
        metrics.frames_out()
        metrics.stage(name, state, "the disk is full\nof films" if state == "lost" else "")
        assert metrics.health().ok is ok, (after, state)
    metrics.stage(name, "lost", "the disk is full")
    clock.now += 21
    metrics.frames_out()
    assert metrics.health().why == f"{name}: the disk is full, for 21 s"


@pytest.mark.parametrize(
    ("hidden", "ok", "degraded"),
    [(0, True, False), (10, True, False), (12, True, True), (50, True, True), (51, False, False)],
)
def test_health_tells_the_share_of_hidden_frames_in_the_last_minute(metrics, clock, hidden, ok, degraded):
    def minutes(number, share):
        for _ in range(60 * number):
            clock.now += 1
            for frame in range(100):
                if frame < share:
                    metrics.obscured()
                metrics.frames_out()

    minutes(2, 90)
    assert not metrics.health().ok
    minutes(1, hidden)
    health = metrics.health()
    assert (health.ok, health.degraded) == (ok, degraded)
    words = f"{hidden}% of the last minute's frames were fully obscured"
    assert health.why == ("degraded: " * degraded + words if hidden > 10 else "frames go out")
    found = samples(metrics)
    assert found["anonymize_degraded", ("camera", "market")] == degraded
    assert found["anonymize_healthy", ("camera", "market")] == ok
    assert metrics.snapshot()["degraded"] == degraded


def test_the_first_half_minute_tells_nothing_about_hidden_frames(metrics, clock):
    """They wait for the detector."""
    for second in range(40):
        clock.now += 1
        metrics.obscured()
        metrics.frames_out()
        assert metrics.health().ok == (second < 29), second
        assert metrics.health().starting == (second < 29), second


def test_what_was_hidden_at_the_start_is_never_told_beside_ok(metrics, clock):
    """After 21 s the control room said ok beside 15% hidden in the last minute."""
    camera = ("camera", "market")
    assert samples(metrics)["anonymize_starting", camera] == 1, "nothing has gone out"
    for second in range(60):
        clock.now += 1
        for frame in range(20):
            if 20 * second + frame < 60:
                metrics.obscured()
            metrics.frames_out()
        shown, health, found = metrics.snapshot(), metrics.health(), samples(metrics)
        assert bool(health.starting) == shown["starting"] == found["anonymize_starting", camera], second
        assert (shown["minute"]["obscured"] <= 0.1) == (health.why == "frames go out"), second
        if second == 20:
            assert health.why == "starting: 14% of the frames so far were fully obscured"
            assert health.ok
            assert not health.degraded


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
    why = "no frame has gone out for 11 s"
    assert metrics.health() == Health(False, why, causes=(Cause("silent", 11.0, True, why),))
    metrics.frames_out()
    assert metrics.health().ok


@pytest.mark.parametrize("state", ["lost", "ok"])
@pytest.mark.parametrize(("seconds", "hidden"), [(11, 0), (62, 62), (40, 30)])
def test_health_says_that_the_source_is_lost_where_that_is_why(metrics, clock, state, seconds, hidden):
    metrics.frames_out()
    metrics.stage("source", state, "rtsp://10.0.0.5: connection refused" if state == "lost" else "")
    for second in range(seconds):
        clock.now += 1
        if hidden:
            if second < hidden:
                metrics.obscured()
            metrics.frames_out()
    assert not metrics.health().ok
    lost = "(the source is lost: rtsp://10.0.0.5: connection refused)" in metrics.health().why
    assert lost is (state == "lost")


def test_unhealthy_when_everything_is_obscured_for_long(metrics, clock):
    metrics.frames_out()
    for _ in range(62):
        clock.now += 1
        metrics.obscured()
        metrics.frames_out()
    assert not metrics.health().ok
    assert "every frame has been fully obscured for 62 s" in metrics.health().why
    for _ in range(60):
        clock.now += 1
        metrics.frames_out()
    assert metrics.health() == Health(True, "frames go out")


@pytest.mark.parametrize("obstacle", Obstacle)
def test_a_background_that_cannot_be_shown_is_why_all_is_hidden(metrics, clock, obstacle):
    def pass_by(seconds, hidden):
        for _ in range(seconds):
            clock.now += 1
            if hidden:
                metrics.obscured()
            metrics.frames_out()

    metrics.background(0.0, False, None)
    pass_by(31, hidden=True)
    assert metrics.health().causes[0].what == "hidden"
    metrics.background(0.1, False, obstacle)
    for seconds in (31, 71):
        health = metrics.health()
        (cause,) = health.causes
        assert (cause.what, cause.failing, cause.value) == (obstacle.value, True, seconds)
        assert health.why == f"{obstacle.words} ({seconds} s so far)"
        assert json.loads(json.dumps(metrics.snapshot()["causes"]))[0]["what"] == obstacle.value
        found = samples(metrics)
        assert found["anonymize_stage", ("camera", "market"), ("stage", "background"), ("state", "lost")] == 1
        assert found["anonymize_healthy", ("camera", "market")] == 0
        pass_by(40, hidden=True)
    assert metrics.snapshot()["stages"]["background"]["detail"].startswith("10% of it learnt; all is hidden, as ")
    metrics.stage("source", "lost", "timed out")
    assert "the source is lost: timed out" in metrics.health().why
    metrics.stage("source", "ok")
    metrics.background(0.9, True, None)
    pass_by(60, hidden=False)
    assert metrics.health() == Health(True, "frames go out")
    assert metrics.snapshot()["stages"]["background"]["state"] == "ok"


def test_a_background_that_was_only_just_lost_is_degraded(metrics, clock):
    for second in range(40):
        clock.now += 1
        if second > 28:
            metrics.obscured()
        metrics.frames_out()
    metrics.background(1.0, True, Obstacle.DIFFERS)
    health = metrics.health()
    assert (health.ok, health.degraded, health.causes[0].what) == (True, True, "differs")


def test_why_things_are_redacted(metrics):
    box = (0.0, 0.0, 9.0, 9.0)
    metrics.regions([Region(box, Kind.FACE, Why.DETECTED)] * 2 + [Region(box, Kind.AREA, Why.ZONE)])
    assert metrics.snapshot()["redacted"] == [
        {"kind": "area", "why": "zone", "n": 1},
        {"kind": "face", "why": "detected", "n": 2},
    ]


def test_a_machine_that_is_too_slow_to_look_for_small_faces_is_degraded(metrics, clock):
    """Two faces of 24 pixels were bare for as long as they were there, and nothing said so."""
    for second in range(40):
        clock.now += 1
        metrics.frames_out(25)
        metrics.detected(0.3, EFFORTS[1] if second else EFFORTS[0])
        assert metrics.health().ok
        assert metrics.health().degraded is (second > 10), second
    assert (
        metrics.health().why == "degraded: small faces were last looked for 39 s ago: this machine is too slow for it"
    )
    metrics.detected(0.3, EFFORTS[0])
    assert not metrics.health().degraded
    clock.now += 11
    metrics.frames_out()
    assert not metrics.health().degraded, "nothing is looked for at all: what is hidden tells that"


@pytest.mark.parametrize(("late", "degraded"), [(10, False), (11, True), (90, True)])
def test_health_tells_the_share_of_late_frames(metrics, clock, late, degraded):
    for _ in range(60):
        clock.now += 1
        for frame in range(100):
            if frame < late:
                metrics.late(0.1)
            metrics.frames_out()
    health = metrics.health()
    assert (health.ok, health.degraded) == (True, degraded)
    assert health.why.startswith(f"degraded: {late}% of the last minute's frames were late" if degraded else "frames")


def test_memory_is_that_of_the_detector_and_other_processes_too():
    """Most of it is the detector's, which nobody saw growing."""
    before, size = memory(), 200 << 20
    assert before > 1e6
    holds = f"import sys; held = b'x' * {size}; print(flush=True); sys.stdin.read()"
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {holds!r}])"
    with subprocess.Popen([sys.executable, "-c", nested], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert size < memory() - before < size + (100 << 20)
        process.communicate()
    assert abs(memory() - before) < 20 << 20


@pytest.mark.parametrize(("slow", "degraded"), [(10, False), (11, True)])
def test_frames_that_leave_late_are_told(metrics, clock, slow, degraded):
    """The delay was a number on the page: a minute's frames a second behind their time were healthy."""
    for _ in range(60):
        clock.now += 1
        for frame in range(100):
            metrics.frames_out()
            metrics.latency(0.8 + 0.4 * (frame < slow), over=0.31 * (frame < slow))
    assert metrics.health().degraded is degraded
    assert metrics.health().ok
    if degraded:
        assert metrics.health().why == "degraded: 11% of the last minute's frames left over 0.3 s after their time"


def test_hidden_frames_say_how_long_looks_take_and_what_helps(metrics, clock):
    for _ in range(60):
        clock.now += 1
        for _ in range(30):
            metrics.detected(0.3, ORDINARY)
            metrics.detected(0.4, SMALL)
        metrics.obscured(20)
        metrics.frames_out(100)
    assert "were fully obscured (to look for all sizes takes 0.7 s on this machine: a larger --min-face" in (
        metrics.health().why
    )
    for _ in range(30):
        metrics.detected(0.1, ORDINARY)
        metrics.detected(0.1, SMALL)
    assert metrics.health().why == "degraded: 20% of the last minute's frames were fully obscured"
