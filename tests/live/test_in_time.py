"""Walking people, before a detector whose time is a number: what is hidden does not depend on the machine."""

import random
from dataclasses import replace

import numpy as np
import pytest

from anonymize.data import Detections, Kind
from anonymize.live.chain.canvas import Canvas
from anonymize.live.chain.delay import DelayLine
from anonymize.media.frames.orient import Orientation
from tests.helpers.live import FAST, RATE, SIZE, MemorySink, checked_numbers, street_scene
from tests.live.test_judge import coded

CANVAS, FRAMES = Canvas(*SIZE), 300
HIDDEN, LATE = "hidden", "late"


def finds(number):
    """What a perfect detector finds on a picture of the scene."""
    boxes = [s.xyxy for s in street_scene()[number][1].subjects if not s.ignore and s.visible > 0.1]
    scores, kinds = np.full(len(boxes), 0.9, np.float32), np.full(len(boxes), Kind.FACE)
    return Detections(np.array(boxes, np.float32).reshape(-1, 4), scores, kinds)


def played(seconds, change_at=None):
    """What goes out, and what became of each frame: its number in the scene, `HIDDEN` or `LATE`.

    Args:
        seconds: called for the time that the next look takes.
        change_at: frame from which on other settings are in force, with a detector of their own.
    """
    line, sink, became, looking = DelayLine(FAST), MemorySink(), [], None
    for index in range(FRAMES):
        now = index / RATE
        if index == change_at:
            line.change(replace(FAST, detect=replace(FAST.detect, every=0.1)))
            looking = None
        picture = coded()[index % len(street_scene())]
        line.take(CANVAS.frame(picture, Orientation(), index, index * 90_000 // RATE), now)
        if looking is not None and now >= looking[0]:
            line.learn(looking[1], finds(looking[1] % len(street_scene())))
            looking = None
        held = line.wanted(now, 0.1, 0.1) if looking is None else None
        if held is not None:
            line.asked(held, line.needed or line.turn)
            looking = now + seconds(), held.frame.index
        for one, cleared in line.due(now):
            sink.write(cleared.frame)
            number = one.frame.index % len(street_scene())
            became.append(HIDDEN if cleared.obscured else LATE if cleared.late is not None else number)
    return sink, became


def test_people_are_covered_and_no_frame_is_hidden_but_at_the_start():
    sink, became = played(lambda: 0.06)
    assert checked_numbers(sink, faces=True) == [one if isinstance(one, int) else None for one in became]
    first = next(index for index, one in enumerate(became) if isinstance(one, int))
    assert first < RATE
    assert [one for one in became[first:] if not isinstance(one, int)] == []


@pytest.mark.parametrize("slow", [0.05, 0.15, 0.3])
@pytest.mark.parametrize("seed", range(3))
def test_looks_that_come_late_leave_nobody_bare(seed, slow):
    """At random, as on a busy machine, and another detector takes over meanwhile."""
    drawn = random.Random(f"{seed} {slow}")
    sink, became = played(lambda: drawn.expovariate(1 / slow), drawn.randrange(60, 200))
    assert checked_numbers(sink, faces=True) == [one if isinstance(one, int) else None for one in became]
    assert {HIDDEN, LATE} & set(became)
