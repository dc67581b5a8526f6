"""On which frames detectors run, at which scales, and what is known without them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from anonymize.data import Detections, Frame, Kind
from anonymize.detect import DetectionResult, Detector, ScaleScheduler
from anonymize.detect.scan import ScanSchedule
from anonymize.settings import Settings
from anonymize.track import MotionSample
from tests.detect.test_detect import Bright
from tests.detect.test_incremental import FACE, frame, near

FACES = replace(Settings(), targets=frozenset({Kind.FACE}))


@dataclass
class Sharp(Bright):
    """Finds nothing in a picture narrower than `narrowest`."""

    narrowest: int = 0
    max_input_side: int = 4000

    def detect(self, picture: NDArray[np.uint8]) -> Detections:
        found = super().detect(picture)
        return found if picture.shape[1] >= self.narrowest else Detections.empty()


class Scanner:
    """Detects on each frame at once, as `scan` does for a whole segment."""

    def __init__(self, detector: Detector, settings: Settings = FACES) -> None:
        self.scheduler, self.schedule = ScaleScheduler([detector], settings), ScanSchedule(settings)
        self.sample: MotionSample | None = None

    def scan(self, shown: Frame) -> list[DetectionResult]:
        self.sample = sample = MotionSample.of(shown, self.sample)
        cut = sample.step is not None and sample.step.cut
        return [self.scheduler.detect(*due).result() for due in self.schedule.due(shown, cut=cut)]

    def end(self) -> list[DetectionResult]:
        return [self.scheduler.detect(*due).result() for due in self.schedule.due_on_last()]


def test_what_one_turn_shows_is_known_until_something_changes_there() -> None:
    whole = Sharp()
    Scanner(whole).scan(frame(0, FACE))
    detector = Sharp(narrowest=max(width for width, _ in whole.seen))  # only the largest scale of all
    scanner = Scanner(detector)
    results = [found for index in range(30) for found in scanner.scan(frame(index, FACE))]
    assert len(results) == 10
    assert all(near(found.finds, FACE) for found in results)
    moved = (FACE[0] + 60, FACE[1], FACE[2] + 60, FACE[3])
    assert scanner.scan(frame(30, moved))[0].finds.xyxy.shape == (0, 4)  # turn 2: it cannot know


def scales_taken(settings: Settings, times: Iterable[Fraction]) -> list[list[int]]:
    """Which of four scales each detection takes, 0 the largest, of a picture that moves at every one of `times`."""
    detector = Bright(max_input_side=4000)
    scanner = Scanner(detector, settings)
    taken: list[list[tuple[int, int]]] = []
    for index, time in enumerate(times):
        shown = replace(frame(index, shift=4 * index), pts=int(time * 1000), time_base=Fraction(1, 1000))
        if scanner.scan(shown):
            taken.append(detector.seen[:])
        detector.seen.clear()
    widths = sorted({width for sizes in taken for width, _ in sizes}, reverse=True)
    return [sorted(widths.index(width) for width, _ in sizes) for sizes in taken]


ALL = [0, 1, 2, 3]
FOUR = [[1, 3], [2], [1, 3], [0]]


@pytest.mark.parametrize(
    ("detect", "rate", "scales"),
    [
        ({}, 25, [ALL, *FOUR, *FOUR]),
        ({"every": 0}, 25, [ALL, *FOUR, *FOUR]),
        ({"thorough_every": 0}, 25, [ALL, ALL, ALL]),
        ({"thorough_every": 0.24}, 25, [ALL, [1, 2, 3], [0, 1, 3], [1, 2, 3]]),
        ({}, 30, [ALL, *FOUR, *FOUR, [1, 2, 3], [1, 3], [0]]),
        ({}, 5, [ALL, [1, 3], [1, 2, 3], [0, 1, 3], [2], [0, 1, 3]]),
        ({}, 1, [ALL, ALL, ALL]),
        ({"every": 0.3, "thorough_every": 9}, 25, [ALL, [1, 2, 3], [0, 1, 3], [1, 2, 3], ALL]),
    ],
    ids=[
        "by default",
        "every frame",
        "all at once",
        "twice as fast",
        "30 a second",
        "5 a second",
        "timelapse",
        "no later than max_gap",
    ],
)
def test_scales_take_turns(detect: dict[str, Any], rate: int, scales: list[list[int]]) -> None:
    wanted = replace(FACES, detect=replace(FACES.detect, **detect))
    times = [Fraction(index, rate) for index in range(100)]
    assert scales_taken(wanted, times)[: len(scales)] == scales


def test_detectors_run_on_the_last_frame_of_a_scene_at_every_scale() -> None:
    detector = Bright(max_input_side=4000)
    scanner = Scanner(detector)
    for index in range(8):
        scanner.scan(frame(index, shift=4 * index))
    detector.seen.clear()
    assert len(scanner.end()) == 1
    assert len(detector.seen) == 4
    assert scanner.end() == [], "once is enough"


def test_detectors_run_on_all_of_a_still_picture_twice_a_second_and_between_the_scales_too() -> None:
    detector = Bright(max_input_side=4000)
    scanner = Scanner(detector)
    widths: dict[int, list[int]] = {}
    for index in range(201):
        scanner.scan(frame(index, FACE))
        if detector.seen:
            widths[index] = [width for width, _ in detector.seen]
        detector.seen.clear()
    first = sorted(widths.pop(0), reverse=True)
    between = [round(width * 2**-0.25) for width in first]
    assert len(first) == 4
    assert list(widths) == list(range(12, 201, 12))
    assert all(len(taken) == 1 for taken in widths.values())
    taken = [width for (width,) in widths.values()]
    assert taken[:4] == pytest.approx(between, abs=2), "where no detector ran yet"
    assert taken[4:] == pytest.approx([*first, *between, *first][: len(taken) - 4], abs=2)
