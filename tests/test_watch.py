"""Which frames are looked at, how hard, and what is known without looking."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from anonymize.data import Detections, Kind
from anonymize.settings import Settings
from anonymize.watch import Watch
from tests.test_detect import Bright
from tests.test_detect_gaze import FACE, frame, near

FACES = replace(Settings(), targets=frozenset({Kind.FACE}))


@dataclass
class Sharp(Bright):
    """Finds nothing in a picture narrower than `narrowest`."""

    narrowest: int = 0
    largest: int = 4000

    def detect(self, picture: NDArray[np.uint8]) -> Detections:
        found = super().detect(picture)
        return found if picture.shape[1] >= self.narrowest else Detections.empty()


def test_what_only_a_thorough_look_shows_is_known_until_something_changes_there() -> None:
    whole = Sharp()
    Watch([whole], FACES).see(frame(0, FACE))
    detector = Sharp(narrowest=max(width for width, _ in whole.seen))  # only the largest scale of a thorough look
    watch = Watch([detector], FACES)
    looks = [look for index in range(30) for look in watch.see(frame(index, FACE)).result().looks]
    assert len(looks) == 10
    assert all(near(look.finds, FACE) for look in looks)
    moved = (FACE[0] + 60, FACE[1], FACE[2] + 60, FACE[3])
    assert watch.see(frame(30, moved)).result().looks[0].finds.xyxy.shape == (0, 4)  # an ordinary look: it cannot know


def test_a_picture_that_stands_still_is_looked_at_whole_twice_a_second_and_thoroughly_every_two() -> None:
    detector = Bright(largest=4000)
    watch = Watch([detector], FACES)
    sizes = []
    for index in range(76):
        watch.see(frame(index, FACE))
        sizes.append(len(detector.seen))
        detector.seen.clear()
    thorough, ordinary = sizes[0], next(count for count in sizes[1:] if count)
    assert thorough > ordinary
    assert [index for index, count in enumerate(sizes) if count == thorough] == [0, 60]
    whole = [index for index, count in enumerate(sizes) if count]
    assert [index for index in whole if sizes[index] == ordinary] == [3, 15, 27, 39, 51, 63, 75]
