"""How finds are named in messages: by time in a video, by place in a picture."""

import pytest

from anonymize.data import Kind
from anonymize.verify.examine import _second_look
from anonymize.verify.verdict import By, Find


def found(start: float, x: float) -> Find:
    return Find(0, Kind.FACE, start, start, (x, 10.0, x + 20, 30.0), 20.0, 0.4, By.LOOK)


@pytest.mark.parametrize(("frames", "words"), [(1, "face at 50,20, face at 70,20"), (90, "face at 0:01, face at 0:02")])
def test_finds_have_a_time_in_a_video_and_a_place_in_a_picture(frames, words):
    assert _second_look((), [found(1.0, 40.0), found(2.0, 60.0)], 1, frames).detail.endswith(f"scanned: {words}")


def test_of_many_finds_the_first_are_named():
    told = _second_look([found(0.0, float(x)) for x in range(40)], (), 1, 1).detail
    assert "face at 10,20, face at 11,20" in told
    assert "more" in told


@pytest.mark.parametrize(
    ("leaks", "doubts", "scanned", "frames", "words"),
    [
        (1, 0, 5, 20, "1 find that nothing hides, on 5 of 20 frames scanned: face at 0:00"),
        (2, 1, 1, 1, "2 finds that nothing hides, on 1 of 1 frame scanned: face at 10,20, face at 10,20"),
        (0, 1, 5, 20, "1 doubtful find on 5 of 20 frames scanned: face at 0:00"),
        (0, 0, 5, 20, "5 of 20 frames scanned: nothing found"),
        (0, 0, 0, 20, "not checked: no frame was scanned"),
    ],
)
def test_a_check_counts_its_finds_and_the_frames_it_was_made_on(leaks, doubts, scanned, frames, words):
    check = _second_look([found(0.0, 0.0)] * leaks, [found(0.0, 0.0)] * doubts, scanned, frames)
    assert check.detail == words
    assert check.passed is (not leaks and scanned > 0)
