"""A camera's process and a detector that start slowly, as on a busy machine: they are waited for while they work."""

import time
from functools import partial
from types import SimpleNamespace

import pytest

from anonymize.live.detector import client
from anonymize.live.detector.client import DetectorClient
from anonymize.live.metrics import Metrics
from anonymize.live.supervisor import camera_process, child
from anonymize.live.supervisor.child import Child
from anonymize.settings import Settings
from tests.helpers.live import FAST, SIZE, faulty, working
from tests.helpers.pace import Bound, slowdown

COUNTED = {"in": 1, "out": 1, "obscured": 0, "notice": 0, "late": 0}
REPORT = {"ok": True, "now": {"frames": COUNTED, "degraded": False, "starting": False}}


def starts(how, line, camera, *_):
    """A camera's process that sends its first report after two seconds of work, or of sleep, or never."""
    if how == "works":
        working(2.0)
    elif how == "loops":
        working(60.0)
    else:
        time.sleep(60.0)
    line.send(REPORT)
    time.sleep(60.0)


@pytest.fixture
def limits(monkeypatch):
    """Limits below what a start takes, on this machine as it is now."""
    slower = slowdown()
    monkeypatch.setattr(child, "_SILENT", 0.8 * slower)
    monkeypatch.setattr(child, "_HUNG", 1.0 * slower)
    monkeypatch.setattr(child, "_LOOPS", 300.0 * slower)
    monkeypatch.setattr(client, "START_WITHIN", 1.0 * slower)
    return monkeypatch


def watched(limits, how, enough):
    """A camera's process that starts in that way, and every state it was in, until `enough` is true of it."""
    limits.setattr(camera_process, "run", partial(starts, how))
    made = Child(SimpleNamespace(name=how, user=""), Settings(), machine=True)  # type: ignore[arg-type]
    states, bound = [], Bound(40)
    try:
        while not enough(made):
            made.check()
            states.append(made.state)
            assert not bound.over(), states[-1]
            time.sleep(0.02)
    finally:
        made.end(0.1)
    return made, states


def test_a_camera_that_works_before_its_first_report_is_starting(limits):
    made, states = watched(limits, "works", lambda one: one.report)
    assert set(states) <= {"starting", "ok"}
    assert made.restarts == 0


@pytest.mark.parametrize("how", ["sleeps", "loops"])
def test_one_that_does_nothing_or_never_ends_is_killed(limits, how):
    limits.setattr(child, "_LOOPS", 3 * child._HUNG)
    made, states = watched(limits, how, lambda one: not one.up)
    assert made.report == {}
    assert how == "loops" or "failing" in states


def loading(how, folder, settings):
    working(2.0) if how == "works" else time.sleep(60) if how == "sleeps" else working(60)
    return faulty({}, folder, settings)


def test_a_detector_that_loads_slowly_is_waited_for(limits, tmp_path):
    metrics = Metrics()
    opened = DetectorClient(SIZE, FAST, metrics, partial(loading, "works", tmp_path))
    bound = Bound(60)
    try:
        while not opened.ready:
            opened.results()
            assert not bound.over()
            time.sleep(0.02)
    finally:
        opened.close()
    assert not metrics.snapshot().get("reconnects")


@pytest.mark.parametrize("how", ["sleeps", "loops"])
def test_one_that_does_not_load_is_replaced(limits, tmp_path, how):
    limits.setattr(client, "_STARTS", 3 * client.START_WITHIN)
    metrics = Metrics()
    opened = DetectorClient(SIZE, FAST, metrics, partial(loading, how, tmp_path))
    bound = Bound(60)
    try:
        while not metrics.snapshot().get("reconnects"):
            opened.results()
            assert not bound.over()
            time.sleep(0.02)
    finally:
        opened.close()
