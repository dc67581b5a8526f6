"""Looks that look again only where something changed."""

from __future__ import annotations

from concurrent.futures import Future

import cv2
import numpy as np
import pytest

from anonymize.data import Detections, Frame, Kind, seconds
from anonymize.detect import GROUPS, ORDINARY, TURNS, IncrementalDetector, ScaleScheduler, detect
from anonymize.detect.changes import BLOCK, Changes
from anonymize.detect.multiscale import Part
from anonymize.settings import Detect, Settings
from tests.detect.test_detect import Bright, Still

WIDTH, HEIGHT = 640, 368
RNG = np.random.default_rng(3)
STREET = cv2.resize(RNG.integers(20, 100, (46, 80), np.uint8), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
FACE = (200, 96, 240, 144)


def frame(index: int, *boxes: tuple[int, int, int, int], noise: float = 2.0, shift: int = 0) -> Still:
    grey = np.roll(STREET, shift, axis=1).astype(np.float32)
    for x0, y0, x1, y1 in boxes:
        grey[y0:y1, x0:x1] = 250
    grey += np.random.default_rng(index).normal(0, noise, grey.shape)
    return Still(np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], 3, axis=2), index, index)


class Waited:
    """An `IncrementalDetector`, waited for at every frame."""

    def __init__(self, detector: Bright) -> None:
        def detect_in(frame: Frame, part: Part | None) -> Future[Detections]:
            return detect(frame, [detector], Detect(), {Kind.FACE}, groups=ORDINARY, part=part)

        self.incremental = IncrementalDetector(detect_in)
        self.pixels = 0.0

    def detect(self, frame: Frame, whole: bool = False) -> Detections:
        known = self.incremental.detect(frame, whole).result()
        self.pixels += known.share
        return known.finds

    def known(self, frame: Frame) -> Detections:
        return self.incremental.known(frame).result().finds


def middles(found: Detections) -> list[tuple[float, float]]:
    return sorted((float(x0 + x1) / 2, float(y0 + y1) / 2) for x0, y0, x1, y1 in found.xyxy)


def near(found: Detections, *boxes: tuple[int, int, int, int]) -> bool:
    wanted = sorted(((x0 + x1) / 2, (y0 + y1) / 2) for x0, y0, x1, y1 in boxes)
    got = middles(found)
    return len(got) == len(wanted) and bool(np.allclose(got, wanted, atol=4))


def test_a_result_says_whether_its_finds_may_be_parts_of_something_larger() -> None:
    scheduler = ScaleScheduler([Bright()], Settings(targets=frozenset({Kind.FACE})))
    looks = [GROUPS, *TURNS, GROUPS - {0}]
    parts = [scheduler.detect(frame(i), groups).result().parts for i, groups in enumerate(looks)]
    assert parts == [False, True, False, True, False, False]


@pytest.mark.parametrize("noise", [0.0, 2.0, 5.0])
def test_noise_is_no_change(noise: float) -> None:
    changes = Changes()
    assert changes.see(frame(0, noise=noise)).all()
    changes.detected()
    for index in range(1, 8):
        assert changes.see(frame(index, noise=noise)).mean() < 0.01


@pytest.mark.parametrize("noise", [0.0, 2.0, 5.0])
def test_what_appears_anywhere_is_a_change_even_at_the_border(noise: float) -> None:
    for x0, y0 in [(0, 0), (WIDTH - 16, HEIGHT - 16), (307, 111)]:
        changes = Changes()
        changes.see(frame(0, noise=noise))
        changes.detected()
        seen = changes.see(frame(1, (x0, y0, x0 + 16, y0 + 16), noise=noise))
        assert seen[(y0 + 8) // BLOCK, (x0 + 8) // BLOCK]
        assert seen.mean() < 0.05


def test_slow_change_adds_up() -> None:
    changes, seen = Changes(), []
    changes.see(frame(0, noise=1))
    changes.detected()
    for index in range(1, 30):
        faded = frame(index, noise=1)
        faded.picture[96:144, 192:240] = np.minimum(faded.picture[96:144, 192:240] + index, 255)
        mask = changes.see(faded)
        changes.detected(mask)
        seen.append(bool(mask[7, 13]))
    assert any(seen)


def test_a_picture_of_another_size_is_all_new() -> None:
    changes = Changes()
    changes.see(frame(0))
    changes.detected()
    assert changes.see(Still(np.zeros((100, 100, 3), np.uint8), 1, 1)).all()


def test_what_does_not_change_is_known_without_looking() -> None:
    detector = Bright()
    waited = Waited(detector)
    first = waited.detect(frame(0, FACE))
    seen = len(detector.seen)
    again = waited.detect(frame(3, FACE))
    assert near(first, FACE)
    assert near(again, FACE)
    assert len(detector.seen) == seen


def test_what_is_known_is_known_as_long_as_nothing_changes_around_it() -> None:
    detector = Bright()
    waited = Waited(detector)
    waited.detect(frame(0, FACE))
    seen = len(detector.seen)
    assert near(waited.known(frame(3, FACE, (480, 240, 512, 280))), FACE)
    beside = (FACE[2] + 20, FACE[1], FACE[2] + 40, FACE[3])
    assert not len(waited.known(frame(6, FACE, beside)))
    assert not len(waited.known(frame(9, FACE, shift=9)))
    assert near(waited.known(frame(12, FACE)), FACE)
    assert len(detector.seen) == seen


def test_what_comes_goes_and_moves_is_found_while_the_rest_stays_known() -> None:
    waited = Waited(Bright())
    other, border = (480, 240, 512, 280), (0, 300, 30, 340)
    assert near(waited.detect(frame(0, FACE)), FACE)
    assert near(waited.detect(frame(2, FACE, other)), FACE, other)
    moved = (FACE[0] + 12, *FACE[1:2], FACE[2] + 12, FACE[3])
    assert near(waited.detect(frame(4, moved, other)), moved, other)
    assert near(waited.detect(frame(6, moved, border)), moved, border)
    assert near(waited.detect(frame(8)))
    assert waited.pixels < 3


def test_a_large_face_in_which_little_moves_stays_found() -> None:
    waited = Waited(Bright(max_input_side=1000))
    face = (100, 40, 340, 320)
    assert near(waited.detect(frame(0, face)), face)
    speaking = frame(2, face)
    speaking.picture[240:270, 190:250] = 200
    assert near(waited.detect(speaking), face)


def test_detectors_run_on_the_whole_picture_when_the_camera_moves_and_when_asked() -> None:
    waited = Waited(Bright())
    waited.detect(frame(0, FACE))
    waited.detect(frame(3, FACE, shift=9))
    assert waited.pixels == 2
    for index in (6, 9, 12):
        waited.detect(frame(index, FACE, shift=9))
    assert waited.pixels == 2
    waited.detect(frame(15, FACE, shift=9), whole=True)
    assert waited.pixels == 3
    assert waited.incremental.whole_at == seconds(frame(15))


def test_what_stands_still_is_judged_by_the_mean_of_its_looks() -> None:
    detector = Bright(score=0.48)
    waited = Waited(detector)
    before = waited.detect(frame(0, FACE))
    detector.score = 0.52  # one of many looks at the same picture is always the best
    again = waited.detect(frame(12, FACE), whole=True)
    assert again.score.tolist() == pytest.approx([0.49])
    assert (again.xyxy == before.xyxy).all()
    scores = [float(waited.detect(frame(index, FACE), whole=True).score[0]) for index in range(24, 240, 12)]
    assert scores == sorted(scores)
    assert scores[-1] == pytest.approx(0.52, abs=0.002)


def test_what_came_since_and_what_moved_is_judged_anew() -> None:
    detector = Bright(score=0.3)
    waited = Waited(detector)
    waited.detect(frame(0, FACE))
    detector.score = 0.9
    moved = (FACE[0] + 4, *FACE[1:2], FACE[2] + 4, FACE[3])
    assert waited.detect(frame(12, moved), whole=True).score.tolist() == pytest.approx([0.9])
    other = (480, 240, 512, 280)
    assert waited.detect(frame(24, moved, other), whole=True).score.tolist() == pytest.approx([0.9, 0.9])
    detector.score = 0.1
    assert not len(waited.detect(frame(36, moved), whole=True)), (
        "below what counts: it is gone, as it would be at first"
    )
