"""The first looks at a scene: until they are over nothing of it is shown."""

from fractions import Fraction

import cv2
import numpy as np
import pytest

from anonymize.data import Detections, Kind
from anonymize.live.chain import delay, gate
from anonymize.live.chain.canvas import Canvas
from anonymize.live.chain.delay import DelayLine
from anonymize.live.chain.settling import LOOKS, Settling
from anonymize.live.detector.pace import EFFORTS, ORDINARY, SMALL, THOROUGH, Effort, Pace
from anonymize.settings import Detect, Follow, Live, Settings

COARSER = next(effort for effort in EFFORTS if effort.coarser > 1)
WIDTH, HEIGHT, SIDE = 1280, 720, 14
STEP = 3600
"""Ticks from frame to frame at 25 a second."""
CANVAS = Canvas(WIDTH, HEIGHT)
GROUNDS = [
    cv2.GaussianBlur(np.random.default_rng(n).integers(50, 130, (HEIGHT, WIDTH), np.uint8), (0, 0), 6) for n in range(3)
]
SECRET = np.where(np.indices((SIDE, SIDE)).sum(axis=0) // 4 % 2, 255, 200).astype(np.uint8)
SETTINGS = Settings(detect=Detect(every=0.2), follow=Follow(max_gap=0.5), live=Live(lookahead=0.4))
TAKES = 3
"""Frames that a look takes, 0.12 s."""


def level(value: int) -> np.ndarray:
    return np.full((HEIGHT, WIDTH), value, np.uint8)


def seconds(index: int) -> Fraction:
    return Fraction(index, 25)


def settled_by(looks: list[tuple[int, Effort]], *, frame: int = 0, begins: tuple[int, ...] = (0,)) -> bool:
    settling = Settling()
    for index in range(12):
        if index in begins:
            settling.begin(seconds(index))
        settling.take(seconds(index), level(100))
    for index, effort in looks:
        settling.looked(seconds(index), effort)
    return settling.settled(seconds(frame))


@pytest.mark.parametrize(
    ("looks", "settled"),
    [
        ([], False),
        ([(0, THOROUGH)], False),
        ([(0, THOROUGH), (2, ORDINARY)], False),
        ([(0, THOROUGH), (2, ORDINARY), (4, ORDINARY)], True),
        ([(0, ORDINARY), (2, ORDINARY), (4, ORDINARY), (6, ORDINARY)], False),
        ([(0, ORDINARY), (2, ORDINARY), (4, THOROUGH)], True),
        ([(0, ORDINARY), (2, SMALL), (4, ORDINARY), (6, SMALL)], False),
        ([(0, THOROUGH), (2, COARSER), (4, COARSER), (6, COARSER)], False),
    ],
    ids=[
        "none",
        "one",
        "two",
        "three",
        "never at every scale",
        "at every scale at last",
        "in turns",
        "for larger faces",
    ],
)
def test_a_scene_begins_with_three_looks_at_the_sizes_asked_for(looks, settled):
    assert LOOKS == 3
    assert settled_by(looks) is settled


def test_every_frame_so_far_is_enough():
    """A slow camera, or the end of a film: there is nothing else to look at."""
    settling = Settling()
    settling.begin(seconds(0))
    settling.take(seconds(0), level(100))
    assert not settling.settled(seconds(0))
    settling.looked(seconds(0), ORDINARY)
    assert not settling.settled(seconds(0)), "not at every scale"
    settling.looked(seconds(0), THOROUGH)
    assert settling.settled(seconds(0))
    for index in range(1, 9):
        settling.take(seconds(index), level(100))
    assert not settling.settled(seconds(0))
    settling.looked(seconds(5), ORDINARY)
    assert settling.settled(seconds(0))


def test_looks_at_another_scene_do_not_count():
    three = [(6, THOROUGH), (8, ORDINARY), (9, ORDINARY)]
    assert settled_by(three, frame=9, begins=(0, 5))
    assert not settled_by(three, frame=4, begins=(0, 5)), "they are after the cut"
    assert not settled_by(three, frame=10, begins=(0, 10)), "they are before the cut"
    assert settled_by([(10, THOROUGH), *[(11, ORDINARY)] * 2], frame=10, begins=(0, 10)), "one on its first frame"


def test_frames_before_the_first_scene_are_not_settled():
    assert not settled_by([(3, THOROUGH)] * 3, frame=0, begins=(1,))


def test_what_the_next_look_needs():
    settling = Settling()
    assert settling.needed() is None
    settling.begin(seconds(0))
    assert settling.needed() == THOROUGH
    for index in range(3):
        settling.take(seconds(index), level(100))
    settling.looked(seconds(0), ORDINARY)
    assert settling.needed() == THOROUGH
    settling.looked(seconds(1), THOROUGH)
    assert settling.needed() == ORDINARY
    settling.looked(seconds(2), ORDINARY)
    assert settling.needed() is None
    settling.begin(seconds(3))
    assert settling.needed() == THOROUGH


@pytest.mark.parametrize(
    ("levels", "jumps"),
    [
        ([100] * 20, False),
        ([100, 106, 100, 94] * 5, False),
        (list(range(40, 90, 1)), False),
        ([100] * 10 + [40] * 3, True),
        ([40] * 10 + [100] * 3, True),
        ([10] * 10 + [20] * 3, True),
        ([20] * 10 + [35, 50, 65, 80, 95], True),
        ([0] * 10 + [5] * 3, False),
    ],
    ids=["even", "flicker", "a slow change", "off", "on", "on, in the dark", "on, in steps", "noise in the dark"],
)
def test_a_jump_of_light_begins_anew(levels, jumps):
    settling = Settling()
    settling.begin(seconds(0))
    for _ in range(LOOKS):
        settling.looked(seconds(0), THOROUGH)
    for index, value in enumerate([levels[0]] * 3 + levels):
        settling.take(seconds(index), level(value))
    assert settling.settled(seconds(0))
    assert settling.settled(seconds(len(levels) + 2)) is not jumps


def test_looks_after_the_next_jump_of_light_count_for_what_was_before_it_too():
    """A lamp that flickers: the scene is the same, and tracks are followed through it."""
    settling = Settling()
    settling.begin(seconds(0))
    for index in range(12):
        settling.take(seconds(index), level((40, 120)[index // 2 % 2]))
        if index % 2 == 0:
            settling.looked(seconds(index), THOROUGH)
    assert [settling.settled(seconds(index)) for index in range(12)] == [True] * 8 + [False] * 4


def test_scenes_that_are_over_are_forgotten():
    settling = Settling()
    for index in range(0, 1000, 10):
        settling.begin(seconds(index))
        settling.forget(seconds(index - 15))
        assert len(settling._scenes) <= 3
    for _ in range(LOOKS):
        settling.looked(seconds(995), THOROUGH)
    assert settling.settled(seconds(995))


def picture(index: int, ground: np.ndarray, corner: tuple[int, int] | None):
    """A frame with a bright square that must never be seen."""
    luma = ground.copy()
    if corner is not None:
        luma[corner[1] : corner[1] + SIDE, corner[0] : corner[0] + SIDE] = SECRET
    made = CANVAS.black(index, index * STEP)
    np.copyto(made.planes[0].pixels, luma)
    return made


def found(corner: tuple[int, int] | None, score: float = 0.9) -> Detections:
    if corner is None:
        return Detections.empty()
    x, y = corner
    box = np.array([[x, y, x + SIDE, y + SIDE]], np.float32)
    return Detections(box, np.array([score], np.float32), np.array([Kind.FACE], np.int8))


def release(begins, misses, corner, *, takes=TAKES, frames=75):
    """Play a scene that begins at frame 20 by `begins`; the first `misses` looks at it find nothing. What left."""
    line, pace, out, pending, looks = DelayLine(SETTINGS), Pace(SETTINGS, [1.0] * len(EFFORTS)), [], None, 0
    pace.took(ORDINARY, takes * 0.04)
    for index in range(frames + 15):
        now = index * 0.04
        after = index >= 20
        if begins == "a reconnection" and index == 20:
            line.break_off()
        ground = GROUNDS[1] if after and begins == "a cut" else GROUNDS[0]
        ground = ground if after or begins != "a jump of light" else ground // 3
        if index < frames:
            line.take(picture(index, ground, corner if after or begins == "a start" else None), now)
        if pending is not None and index - pending[0] >= takes:
            held, pending = pending[1], None
            counts = begins == "a start" or held.frame.index >= 20
            looks += counts
            line.learn(held.frame.index, found(corner if counts and looks > misses else None))
        if pending is None and (wanted := line.wanted(now, pace.interval(line.interval), takes * 0.04)) is not None:
            line.asked(wanted, line.needed or pace.effort(line.turn))
            pending = index, wanted
        out += [cleared for _, cleared in line.due(now)]
    return out


def bare(cleared, corner) -> bool:
    x, y = corner
    return bool((cleared.frame.planes[0].pixels[y : y + SIDE, x : x + SIDE] == SECRET).mean() > 0.1)


@pytest.mark.parametrize(("misses", "corner"), [(0, (0, 0)), (1, (WIDTH - SIDE, HEIGHT - SIDE)), (2, (640, 0))])
@pytest.mark.parametrize("begins", ["a start", "a cut", "a reconnection", "a jump of light"])
def test_a_face_that_the_first_looks_miss_is_not_shown(begins, misses, corner):
    out = release(begins, misses, corner)
    assert not [c.frame.index for c in out if bare(c, corner)]
    assert not out[60].obscured
    assert out[60].regions


@pytest.mark.parametrize("begins", ["a cut", "a reconnection", "a jump of light"])
def test_what_is_hidden_meanwhile_is_little_and_only_that(begins):
    out = release(begins, 0, (600, 300))
    hidden = [c.frame.index for c in out[:68] if c.obscured]
    assert [index for index in hidden if index < 20] == [], "the scene before was settled"
    assert max(hidden, default=0) < 20 + 25, "three looks are over soon, and hidden frames do not flash"
    quick = [c.frame.index for c in release(begins, 0, (600, 300), takes=1)[:68] if c.obscured]
    assert quick == [], "within the lookahead nothing is hidden"


def test_the_notice_says_why(monkeypatch):
    said = []

    def withhold(frame, words, level):
        said.append(words)
        return gate.withhold(frame, words, level)

    monkeypatch.setattr(delay, "withhold", withhold)
    release("a cut", 0, (600, 300))
    assert gate.NEW_SCENE in said
