"""Who judges the other tests: late frames, whose clocks are covered, are known, and what they must not show is seen.

A clock under covers was read as picture 0; what came next was compared with that one, and seemed to show what nobody
had checked. It happened where frames were late: on a busy machine.
"""

import io
from fractions import Fraction
from functools import cache

import av
import numpy as np
import pytest

from anonymize.live.chain.canvas import Canvas
from anonymize.live.chain.gate import clear
from anonymize.live.chain.repeat import LastReleased
from anonymize.media.frames.orient import Orientation
from anonymize.redact import Memory
from anonymize.settings import Settings
from benchmarks import clock
from tests.helpers.live import RATE, SIZE, MemorySink, checked_numbers, stream_of, street_scene

LEVEL = 115
"""The mean of the street."""
SETTINGS = Settings()


@cache
def coded():
    """The scene's pictures as a camera codes them."""
    pieces = stream_of(range(400))[: len(street_scene()) + 1]
    with av.open(io.BytesIO(b"".join(pieces)), "r", format="mpegts") as container:
        return list(container.decode(video=0))


def frame_of(number, index):
    picture = coded()[number % len(street_scene())]
    return Canvas(*SIZE).frame(picture, Orientation(), index, index * 90_000 // RATE)


CALM, LATE = 30, 9
"""Frames in which the camera's noise is learnt, and those in a row that are late from then on."""


def late_frames(first):
    """What goes out, from the scene's picture `first` on, while few are checked in time, and which frames are late."""
    sink, last, late = MemorySink(), LastReleased(), []
    for index in range(CALM + 3 * (LATE + 1)):
        frame = frame_of(first + index, index)
        scans = [Fraction(index, RATE)] if index < CALM or (index - CALM) % (LATE + 1) == LATE else []
        out = clear(frame, [], [scans], [], SETTINGS, Memory(), last, LEVEL)
        assert not (scans and out.obscured)
        if scans:
            last.released(out.frame)
        sink.write(out.frame)
        late.append(not scans)
    return sink, late


@pytest.mark.parametrize("first", range(0, 100, 7))
def test_a_late_frame_is_none_of_the_scenes_and_shows_what_was_shown_before(first):
    sink, late = late_frames(first)
    numbers = checked_numbers(sink, faces=False)
    assert [number is None for number in numbers] == late
    assert all(number in (None, (first + index) % 100) for index, number in enumerate(numbers))


@pytest.mark.parametrize("side", [4, 16])
def test_a_late_frame_that_shows_a_piece_of_itself_is_found(side):
    sink, late = late_frames(11)
    index = CALM + 1
    person = next(s for s in street_scene()[11 + index][1].subjects if s.visible > 0.5)
    x, y = (round(sum(person.xyxy[axis::2]) / 2) - side // 2 for axis in (0, 1))
    place = np.s_[y : y + side, x : x + side]
    assert late[index]
    assert (sink.chromas[index] != 128).any(), "not hidden"
    sink.lumas[index][place] = frame_of(11 + index, 0).planes[0].pixels[place]
    with pytest.raises(AssertionError, match=f"frame {index} shows unchecked content"):
        checked_numbers(sink, faces=False)


@pytest.mark.parametrize("level", range(90, 170, 10))
def test_a_clock_under_a_cover_is_not_read(level):
    for number in range(len(street_scene())):
        picture = np.zeros((40, 640, 3), np.uint8)
        clock.draw(picture, number)
        for first in range(2, 22):
            covered = picture[..., 0].copy()
            covered[:, clock.LEFT + first * clock.BLOCK : clock.LEFT + 22 * clock.BLOCK] = level
            assert clock.read(covered) is None


def shown(number, *, clock_covered=True, face_covered=True):
    """A frame of the scene that was let out: its clock under a cover, the faces, too, unless not."""
    frame = frame_of(number, 0)
    luma = frame.planes[0].pixels
    if clock_covered:
        luma[:32, :400] = 16
    if face_covered:
        for subject in street_scene()[number][1].subjects:
            x0, y0, x1, y1 = (max(round(value), 0) for value in subject.xyxy)
            luma[y0:y1, x0:x1] = 16
    sink = MemorySink()
    sink.write(frame)
    return sink


@pytest.mark.parametrize("number", range(20, 100, 13))
def test_where_a_cover_lies_on_the_clock_faces_are_judged_all_the_same(number):
    assert any(s.visible > 0.5 for s in street_scene()[number][1].subjects)
    assert checked_numbers(shown(number), faces=True) == [None]
    with pytest.raises(AssertionError, match=f"frame 0, the scene's {number}: faces .* can be seen"):
        checked_numbers(shown(number, face_covered=False), faces=True)


@pytest.mark.parametrize("side", [80, 360])
def test_what_is_of_another_scene_is_none_of_this_ones(side):
    sink = shown(30)
    part = sink.lumas[0][-side:, -side:]
    part[...] = np.random.default_rng(1).integers(17, 235, part.shape, np.uint8)
    with pytest.raises(AssertionError, match="frame 0 shows unchecked content"):
        checked_numbers(sink, faces=True)
