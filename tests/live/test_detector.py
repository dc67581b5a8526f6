"""The detector process as its client sees it, its pace, and what it leaves behind."""

import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from fractions import Fraction
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
import pytest

from anonymize.data import Detections
from anonymize.detect import DetectionResult
from anonymize.errors import ModelError
from anonymize.kinds import Kind
from anonymize.live.chain.canvas import Canvas
from anonymize.live.detector import client as client_module
from anonymize.live.detector.client import DetectorClient, _Pending, _Task
from anonymize.live.detector.pace import EFFORTS, ORDINARY, SMALL, THOROUGH, Pace
from anonymize.live.detector.process import NICER, Failed, _megapixels, detectors
from anonymize.live.metrics import Metrics
from anonymize.live.raw_memory import SharedPicture
from anonymize.media.core_dumps import no_core_dumps
from anonymize.media.frames.orient import Orientation
from anonymize.parallel.process import processor_seconds, waits_for_processor
from anonymize.settings import Detect, Device, Live, Settings
from tests.helpers.live import FAST, SIZE, faulty, hanging, looping, street_scene, working
from tests.helpers.pace import Bound
from tests.helpers.servers import until

CANVAS = Canvas(*SIZE)


def street(number):
    """The scene's picture `number` as a frame of a canvas."""
    picture = av.VideoFrame.from_ndarray(street_scene()[number][0], "bgr24").reformat(format="yuv444p")
    return CANVAS.frame(picture, Orientation(), number, number * 3600)


def wait_for(client, condition, within=30.0):
    """Poll `client` until `condition`; all its results."""
    seen: list[Any] = []
    bound = Bound(within)
    while not condition(seen):
        assert not bound.over(), "it took too long"
        wait(client.waitable(), 0.02)
        seen += client.results()
    return seen


@pytest.fixture(scope="module")
def client():
    """A healthy detector."""
    opened = DetectorClient(SIZE, FAST, Metrics())
    try:
        wait_for(opened, lambda _: opened.ready)
        yield opened
    finally:
        opened.close()


def test_it_finds_faces_and_returns_the_index_of_the_frame(client):
    client.detect(street(50), ORDINARY)
    assert not client.free
    (result,) = wait_for(client, bool)
    assert client.free
    assert result.index == 50
    truth = [s.xyxy for s in street_scene()[50][1].subjects]
    for box in truth:
        centre = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        assert any(x0 < centre[0] < x1 and y0 < centre[1] < y1 for x0, y0, x1, y1 in result.finds.xyxy.tolist()), (
            f"nobody at {box}"
        )


@pytest.mark.parametrize("index", [7, 9, -8])
def test_an_answer_about_another_frame_counts_for_none(index):
    """It may be one that the process before owed: nothing of it is passed on, and the process is replaced."""
    metrics = Metrics()
    opened = DetectorClient(SIZE, FAST, metrics)
    opened._pace = pace()
    opened._pending = _Pending(8, ORDINARY, _Task(time.monotonic(), quiet=1.0, most=30.0))
    found = Detections(np.array([[1, 1, 9, 9]], np.float32), np.ones(1, np.float32), np.zeros(1, np.int8))
    assert opened._handle(DetectionResult(index, Fraction(0), found)) is None
    assert metrics.snapshot()["reconnects"] == {"detector": 1}
    assert "detections" not in metrics.snapshot() or not sum(metrics.snapshot()["detections"].values())
    opened.close()


def test_a_process_that_was_replaced_may_fail_as_often_as_the_one_before():
    metrics = Metrics()
    opened = DetectorClient(SIZE, FAST, metrics)
    for replaced in (1, 2):
        for failures in range(1, 4):
            opened._handle(Failed(1, "it fell over"))
            assert metrics.snapshot()["reconnects"].get("detector", 0) == replaced - (failures < 3)
        opened._start()
    opened.close()


class Beside:
    """A detector that is always sure of one box, `beyond` pixels right of the picture."""

    name, sha256, device = "beside", "0" * 64, "cpu"
    kinds = frozenset({Kind.FACE})
    min_size = {Kind.FACE: 8.0}  # noqa: RUF012 - the protocol's
    max_reliable_size: dict[Kind, float] = {}  # noqa: RUF012 - the protocol's
    max_input_side = 4096

    def __init__(self, beyond):
        self.beyond = beyond

    def detect(self, picture):
        x = picture.shape[1] + self.beyond
        return Detections(np.array([[x, 10, x + 40, 60]], np.float32), np.ones(1, np.float32), np.zeros(1, np.int8))

    def release_memory(self):
        pass


def beside(beyond, settings):
    return [Beside(beyond)]


@pytest.mark.parametrize(("beyond", "counts"), [(5000, False), (-20, True)])
def test_boxes_outside_the_picture_are_no_answer(beyond, counts):
    """A network that finds people where there is no picture did not look at it: the frame stays unscanned."""
    metrics = Metrics()
    opened = DetectorClient(SIZE, FAST, metrics, partial(beside, beyond))
    try:
        wait_for(opened, lambda _: opened.ready)
        opened.detect(street(3), ORDINARY)
        found = wait_for(opened, lambda _: opened.free)
        assert bool(found) is counts
        assert metrics.snapshot()["stages"]["detector"]["state"] == ("ok" if counts else "lost")
    finally:
        opened.close()


def test_the_picture_is_copied_before_it_may_change(client):
    frame = street(20)
    client.detect(frame, ORDINARY)
    for plane in frame.planes:
        plane.pixels[...] = 128
    (result,) = wait_for(client, bool)
    assert len(result.finds)


def test_it_dumps_no_core_and_its_memory_has_no_name(client):
    child = psutil.Process(client._process.pid)
    assert child.rlimit(psutil.RLIMIT_CORE) == (0, 0)
    assert not [path for path in Path("/dev/shm").iterdir() if "anonymize" in path.name or path.name.startswith("psm_")]
    shared = [m.path for m in psutil.Process().memory_maps(grouped=False) if "memfd:anonymize" in m.path]
    assert shared
    assert not any(Path(path).exists() for path in shared)


def test_it_is_less_urgent_than_the_process_that_sends_frames(client):
    """Two cameras on two cores covered a tenth of the picture for being late: who sends frames waited for detectors."""
    assert psutil.Process(client._process.pid).nice() == min(psutil.Process().nice() + NICER, 19)


def test_a_hung_detector_is_killed_at_its_deadline(tmp_path):
    settings = replace(FAST, live=Live(deadline=0.3))
    metrics = Metrics()
    client = DetectorClient(SIZE, settings, metrics, partial(faulty, {7: hanging}, tmp_path))
    try:
        wait_for(client, lambda _: client.ready)
        assert client._process is not None
        first = client._process.pid
        client.detect(street(0), ORDINARY)
        start, bound = time.monotonic(), Bound(10)
        assert wait_for(client, lambda _: not client.ready) == []
        assert time.monotonic() - start > 0.25
        assert not bound.over()
        assert not psutil.pid_exists(first)
        wait_for(client, lambda _: client.ready)
        client.detect(street(1), ORDINARY)
        (result,) = wait_for(client, bool)
        assert result.index == 1
        assert metrics.snapshot()["reconnects"] == {"detector": 1}
    finally:
        client.close()


def test_a_detector_that_works_is_waited_for(tmp_path):
    """On a busy machine it is slow; loading it anew would take longer, and begin with an estimate that is wrong."""
    settings, metrics = replace(FAST, live=Live(deadline=0.3)), Metrics()
    opened = DetectorClient(SIZE, settings, metrics, partial(faulty, {7: working}, tmp_path))
    try:
        wait_for(opened, lambda _: opened.ready)
        assert opened.pace is not None
        before = opened.pace.expected(ORDINARY)
        opened.detect(street(0), ORDINARY)
        wait_for(opened, lambda _: "slow" in metrics.snapshot()["stages"]["detector"]["detail"])
        (result,) = wait_for(opened, bool)
        assert result.index == 0
        assert "reconnects" not in metrics.snapshot() or not metrics.snapshot()["reconnects"]
        assert metrics.snapshot()["stages"]["detector"]["state"] == "ok"
        assert "slow" not in metrics.snapshot()["stages"]["detector"]["detail"], "it is over"
        assert opened.pace.expected(ORDINARY) > 2 * before, "what it took counts"
    finally:
        opened.close()


def test_a_detector_in_an_endless_loop_is_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr("anonymize.live.detector.client._HANGS", 0.5)
    metrics = Metrics()
    settings = replace(FAST, live=Live(deadline=0.2))
    opened = DetectorClient(SIZE, settings, metrics, partial(faulty, {7: looping}, tmp_path))
    try:
        wait_for(opened, lambda _: opened.ready)
        opened.detect(street(0), ORDINARY)
        began = time.monotonic()
        wait_for(opened, lambda _: not opened.ready, within=20)
        assert time.monotonic() - began > 0.5
        assert metrics.snapshot()["reconnects"] == {"detector": 1}
    finally:
        opened.close()


class Busy:
    """A process on a machine on which it gets `used` seconds of processor time, and would use more if `wants`."""

    def __init__(self, monkeypatch):
        self.used, self.wants = 10.0, True
        monkeypatch.setattr(client_module, "processor_seconds", lambda _: self.used)
        monkeypatch.setattr(client_module, "waits_for_processor", lambda _: self.wants)
        self.task = _Task(since=100.0, quiet=1.0, most=30.0, begun=10.0)

    def stuck(self, now):
        return self.task.stuck(0, now)


def test_a_process_that_gets_no_processor_is_waited_for(monkeypatch):
    """On a busy machine it was killed after a second, loaded anew, and killed while it loaded, again and again."""
    busy = Busy(monkeypatch)
    assert [busy.stuck(now) for now in (100.5, 101.5, 110.0, 159.0)] == [""] * 4
    busy.used += 0.01
    assert busy.stuck(161.0) == ""
    assert busy.stuck(219.0) == "", "a hundredth of a second is a sign of life"
    assert "does nothing" in busy.stuck(222.0)


@pytest.mark.parametrize(("now", "words"), [(100.9, ""), (101.1, "does nothing")])
def test_a_process_that_waits_for_nothing_is_replaced(monkeypatch, now, words):
    busy = Busy(monkeypatch)
    busy.wants = False
    assert words in busy.stuck(now)
    assert bool(words) is bool(busy.stuck(now))


def test_only_processor_time_tells_an_endless_loop(monkeypatch):
    busy = Busy(monkeypatch)
    for second in range(2, 200, 2):  # a tenth of a processor
        busy.used += 0.2
        assert busy.stuck(100.0 + second) == ""
    busy.used = 40.1
    assert "30 s of processor time" in busy.stuck(400.0)


def test_a_detector_that_loads_slowly_is_waited_for(monkeypatch):
    """It was given a minute, whatever else the machine did."""
    monkeypatch.setattr(client_module, "START_WITHIN", 0.05)
    opened = DetectorClient(SIZE, FAST, metrics := Metrics(), partial(faulty, {}, Path()))
    monkeypatch.setattr(client_module, "waits_for_processor", lambda _: True)
    opened._loading.most = 60.0
    try:
        wait_for(opened, lambda _: opened.ready)
        assert metrics.snapshot()["reconnects"] == {}
    finally:
        opened.close()


@pytest.mark.parametrize(("does", "wants"), [("while True: pass", True), ("input()", False)])
def test_who_waits_for_a_processor_is_told_from_who_sleeps(does, wants):
    with subprocess.Popen([sys.executable, "-c", does], stdin=subprocess.PIPE) as process:
        until(lambda: waits_for_processor(process.pid) is wants)
        time.sleep(0.2)
        assert waits_for_processor(process.pid) is wants
        process.send_signal(signal.SIGSTOP)
        until(lambda: not waits_for_processor(process.pid))
        process.kill()
    assert not waits_for_processor(2**22 + 1)


def test_processor_time_is_that_of_the_process():
    own = processor_seconds(os.getpid())
    assert own is not None
    working(0.2)
    after = processor_seconds(os.getpid())
    assert after is not None
    assert 0.15 < after - own < 5
    assert own <= time.process_time() + 0.05
    assert processor_seconds(2**22 + 1) is None


def test_a_detector_that_keeps_dying_is_restarted_less_often():
    metrics = Metrics()
    client = DetectorClient(SIZE, replace(FAST, live=Live(backoff=3.0, longest_backoff=5.0)), metrics, dies_at_start)
    waits = []
    try:
        for deaths in (1, 2):
            wait_for(client, lambda _, deaths=deaths: metrics.snapshot()["reconnects"].get("detector") == deaths)
            waits.append(client._retry_at - time.monotonic())
    finally:
        client.close()
    assert waits[0] <= 0 < 2 < waits[1] <= 3.0, "at once, then after a delay"


def dies_at_start(settings):
    os._exit(1)


def test_a_model_that_is_not_there_is_an_error_at_once():
    client = DetectorClient(SIZE, Settings(detect=Detect(detectors=("centerface",))), Metrics(), missing)
    try:
        with pytest.raises(ModelError, match="mislaid"):
            wait_for(client, lambda _: False)
    finally:
        client.close()


def missing(settings):
    raise ModelError("the model was mislaid")


def test_it_ends_with_its_parent():
    program = (
        "import os, time\nfrom functools import partial\n"
        "from anonymize.live.detector.client import DetectorClient\nfrom anonymize.live.metrics import Metrics\n"
        "from tests.helpers.live import FAST, slow\n"
        "if __name__ == '__main__':\n"
        "    client = DetectorClient((64, 48), FAST, Metrics(), partial(slow, 0.0))\n"
        "    while not client.ready:\n        client.results(); time.sleep(0.01)\n"
        "    print(client._process.pid, flush=True)\n    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=240, check=False)
    child = int(done.stdout)
    bound = Bound(5)
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert not bound.over()
        time.sleep(0.02)


def test_no_core_dumps():
    no_core_dumps()
    assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)


def test_shared_memory_leaves_with_its_owner():
    before = len(list(Path("/proc/self/fd").iterdir()))
    shared = SharedPicture(100)
    shared.samples[...] = 7
    shared.close()
    assert int(shared.samples.sum()) == 700, "what is mapped stays"
    del shared
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 1


def test_the_default_detectors_use_one_thread(monkeypatch):
    asked: list[Any] = []

    def build(*arguments):
        asked.append(arguments)
        return []

    monkeypatch.setattr("anonymize.detect.registry.build", build)
    detectors(Settings())
    detectors(Settings(detect=Detect(device=Device.AUTO)))
    default = Settings()
    names, targets = default.detect.detectors, default.targets
    given = [(tuple(named), *others) for named, *others in asked]
    assert given == [(names, targets, 1, device) for device in (Device.CPU, Device.AUTO)]


# Pace


@pytest.mark.parametrize("size", [(640, 360), (1280, 720), (1920, 1080)], ids=str)
def test_what_a_run_is_expected_to_cost_falls_with_the_square_of_its_scale(size):
    costs = dict(zip(EFFORTS, [_megapixels([Beside(0)], Settings(), each, size) for each in EFFORTS], strict=True))
    assert costs[THOROUGH] == pytest.approx(costs[ORDINARY] + costs[SMALL])
    assert costs[SMALL] == pytest.approx(size[0] * size[1] / 1e6 * (8 / 16) ** 2)
    assert costs[ORDINARY] < 1.1 * costs[SMALL], "all others together cost as much"
    for effort in EFFORTS[1:]:
        assert costs[effort] == pytest.approx(costs[replace(effort, coarser=1.0)] / effort.coarser**2)


def pace(lookahead=0.4, coarsest=2.0, **detect):
    """Each turn costs half of a run at every scale; coarser ones as much less as there are fewer pixels."""
    each = [1.0 / effort.coarser**2 * (2 if effort == THOROUGH else 1) for effort in EFFORTS]
    return Pace(Settings(detect=Detect(**detect), live=Live(lookahead=lookahead, coarsest=coarsest)), each)


def test_with_time_to_spare_it_looks_as_often_as_asked_and_for_the_sizes_asked_for():
    quick = pace()
    quick.took(ORDINARY, 0.02)
    assert quick.interval() == 0.12
    for turn in (ORDINARY, SMALL):
        assert quick.effort(turn) == turn
        assert quick.expected(turn) == pytest.approx(0.02)
    assert quick.expected(THOROUGH) == pytest.approx(0.04)


@pytest.mark.parametrize("lookahead", [0.2, 0.4, 0.8, 3.0])
@pytest.mark.parametrize("frame", [0.0, 1 / 50, 1 / 25, 1 / 12])
def test_both_turns_come_round_while_a_frame_waits_and_within_the_gap(lookahead, frame):
    """However frames fall: the next one that is scanned comes up to a frame interval later than it may."""
    for seconds in (0.001, 0.01, 0.03, 0.05, 0.1, 0.15, 0.2):
        some = pace(lookahead, coarsest=1.0)
        some.took(ORDINARY, seconds)
        apart = max(some.interval(frame) + frame, seconds) if some.interval(frame) else seconds
        if 3 * seconds <= lookahead - 0.05 and 2 * seconds <= 0.5:
            assert 2 * apart + seconds <= lookahead - 0.05 + 1e-9
            assert 2 * apart <= 0.5 + 1e-9, "max_gap"


def test_when_turns_take_too_long_larger_faces_are_looked_for_as_far_as_allowed():
    coarser = []
    for seconds in (0.02, 0.1, 0.115, 0.13, 0.2, 0.5, 2.0):
        slower = pace()
        slower.took(ORDINARY, seconds)
        chosen = slower.effort(SMALL)
        assert chosen.groups == SMALL.groups
        coarser.append(chosen.coarser)
    assert coarser == sorted(coarser)
    assert coarser[:3] == [1.0, 1.0, 1.0]
    assert coarser[3] > 1, "three turns no longer fit into the lookahead"
    assert coarser[-1] == 2.0, "no coarser than allowed"


def test_turns_further_apart_than_the_gap_are_too_slow_whatever_the_lookahead():
    for seconds, coarser in ((0.24, 1.0), (0.26, 2**0.5)):
        slower = pace(lookahead=9.0)
        slower.took(ORDINARY, seconds)
        assert slower.effort(SMALL).coarser == coarser


def test_a_preset_may_forbid_coarser_runs():
    strict = pace(coarsest=1.0)
    strict.took(ORDINARY, 5.0)
    assert strict.effort(ORDINARY) == ORDINARY
    assert strict.effort(SMALL) == SMALL
    assert strict.interval() == 0.0


def test_it_expects_longer_runs_where_durations_vary():
    steady, wavering = pace(), pace()
    for i in range(40):
        steady.took(ORDINARY, 0.1)
        wavering.took(ORDINARY, 0.02 if i % 2 else 0.18)
    assert wavering.expected(ORDINARY) > 1.5 * steady.expected(ORDINARY)
    assert steady.expected(ORDINARY) == pytest.approx(0.1)


def test_a_run_on_part_of_the_picture_does_not_count():
    quick = pace()
    quick.took(ORDINARY, 0.1)
    for share in (0.0, 0.3, float("nan")):
        quick.took(ORDINARY, 0.001, share)
    assert quick.expected(ORDINARY) == pytest.approx(0.1)


def test_invalid_detections_are_refused():
    found = Detections.empty()
    with pytest.raises(ValueError, match="expected shape"):
        Detections(np.zeros((2, 4), np.float32), found.score, found.kind)
