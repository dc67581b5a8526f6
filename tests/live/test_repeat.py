"""Late frames of a camera that stands still: the last picture released, with what has changed covered."""

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from anonymize.data import Detections, Kind, Track, Why
from anonymize.live.chain import curtain, settling
from anonymize.live.chain.canvas import Canvas
from anonymize.live.chain.delay import DelayLine
from anonymize.live.chain.gate import clear
from anonymize.live.chain.repeat import LATE_FOR, LastReleased
from anonymize.live.detector.pace import THOROUGH
from anonymize.live.metrics import Metrics
from anonymize.redact import Memory
from anonymize.settings import Follow, Live, Settings, Span, Unbracketed, Zone

WIDTH, HEIGHT, SIDE = 1280, 720, 14
CANVAS = Canvas(WIDTH, HEIGHT)
LEVEL = 99
"""Of covers: no picture here has it."""
SETTINGS = Settings(follow=Follow(max_gap=0.3))
RANDOM = np.random.default_rng(5)
GROUND = (cv2.GaussianBlur(RANDOM.integers(40, 200, (HEIGHT, WIDTH), np.uint8), (0, 0), 3) // 2 * 2).astype(np.uint8)
STAMP = (30, 60)
"""Rows from the bottom and columns from the left that the word "late" may take."""


def picture(index, luma):
    made = CANVAS.black(index, index * 3600)
    np.copyto(made.planes[0].pixels, luma)
    made.planes[1].pixels[...] = 100 + index % 50
    return made


class Gate:
    """The gate of a camera: `checked` frames were looked at themselves, `late` ones never."""

    def __init__(self, settings=SETTINGS):
        self.settings, self.last, self.memory = settings, LastReleased(), Memory()

    def pass_through(self, index, luma, *, checked, tracks=()):
        scans = [Fraction(index, 25)] if checked else []
        frame = picture(index, luma)
        out = clear(frame, tracks, [scans], [], self.settings, self.memory, self.last, LEVEL)
        if checked:
            self.last.released(out.frame)
        return out


def luma_of(cleared):
    return cleared.frame.planes[0].pixels


def without_stamp(luma):
    return np.concatenate([luma[: -STAMP[0]].ravel(), luma[-STAMP[0] :, STAMP[1] :].ravel()])


def with_square(x, y, value=255):
    luma = GROUND.copy()
    luma[y : y + SIDE, x : x + SIDE] = value
    return luma


@pytest.mark.parametrize(
    "corner", [(0, 0), (WIDTH - SIDE, 0), (0, 400), (WIDTH - SIDE, HEIGHT - SIDE), (633, 351), (7, 9)], ids=str
)
def test_what_has_changed_is_covered_and_all_else_is_the_last_picture(corner):
    gate = Gate()
    assert not gate.pass_through(0, GROUND, checked=True).obscured
    late = gate.pass_through(1, with_square(*corner), checked=False)
    assert not late.obscured
    assert 0 < late.late < 0.01
    x, y = corner
    luma = luma_of(late)
    assert (luma[y : y + SIDE, x : x + SIDE] == LEVEL).all()
    assert (luma[max(y - 8, 0) : y + SIDE + 8, max(x - 8, 0) : x + SIDE + 8] == LEVEL).all(), "with a margin"
    changed = without_stamp(luma) != without_stamp(GROUND)
    assert changed.mean() < 0.01
    assert set(without_stamp(luma)[changed].tolist()) == {LEVEL}
    chroma = late.frame.planes[1].pixels
    assert chroma[(y + 7) // 2, (x + 7) // 2] == 128
    assert (chroma == 100).mean() > 0.98, "the late frame's own would be 101"


def test_someone_who_leaves_is_covered_where_he_was():
    gate = Gate()
    track = Track(
        3, Kind.FACE, 0, np.array([[300, 200, 314, 214]], np.float64), np.ones(1, np.float32), (Why.DETECTED,)
    )
    gate.pass_through(0, with_square(300, 200), checked=True, tracks=[track])
    late = luma_of(gate.pass_through(1, GROUND, checked=False))
    assert (late[200:214, 300:314] == LEVEL).all()


@hypothesis_settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, WIDTH - 60), st.integers(0, HEIGHT - 60), st.integers(0, 40)),
        min_size=1,
        max_size=8,
    )
)
def test_every_pixel_is_from_a_frame_that_was_checked_or_from_a_cover(frames):
    gate, vouched = Gate(), None
    for index, (checked, x, y, lighter) in enumerate(frames):
        luma = np.clip(GROUND.astype(int) // 2 * 2 + lighter // 2 * 2 + index % 2, 0, 255).astype(np.uint8)
        luma[y : y + 60, x : x + 60] = 253
        out = gate.pass_through(index, luma, checked=checked)
        if checked:
            assert not out.obscured
            vouched = luma_of(out).copy(), [plane.pixels.copy() for plane in out.frame.planes[1:]]
        elif not out.obscured:
            assert vouched is not None
            shown, before = without_stamp(luma_of(out)), without_stamp(vouched[0])
            assert ((shown == before) | (shown == LEVEL)).all()
            for plane, kept in zip(out.frame.planes[1:], vouched[1], strict=True):
                assert ((plane.pixels == kept) | (plane.pixels == 128)).all()


def test_nothing_creeps_in():
    """Each late frame differs little from the one before it, but all are compared with the last one released."""
    gate = Gate()
    gate.pass_through(0, GROUND, checked=True)
    for index in range(1, 20):
        creeping = GROUND.copy()
        creeping[300:360, 500:560] = np.clip(creeping[300:360, 500:560].astype(int) + index, 0, 255)
        late = gate.pass_through(index, creeping, checked=False)
    assert (luma_of(late)[300:360, 500:560] == LEVEL).all()
    assert late.late < 0.02


def test_a_change_of_light_is_taken_up_when_a_picture_is_released():
    gate = Gate()
    for index in range(0, 40, 2):
        lighter = np.clip(GROUND.astype(int) + index // 2, 0, 255).astype(np.uint8)
        assert not gate.pass_through(index, lighter, checked=True).obscured
        assert gate.pass_through(index + 1, np.clip(lighter + 1, 0, 255), checked=False).late == 0


def test_the_noise_of_a_camera_is_learnt():
    gate, noise = Gate(), np.random.default_rng(3)

    def noisy(luma):
        return np.clip(luma + noise.normal(0, 9, luma.shape), 0, 255).astype(np.uint8)

    for index in range(60):
        gate.pass_through(index, noisy(GROUND), checked=True)
    late = gate.pass_through(61, noisy(with_square(400, 300, 255)), checked=False)
    assert 0 < late.late < 0.01
    assert (luma_of(late)[302:312, 402:412] == LEVEL).all()


def test_a_camera_that_moves_and_another_scene_are_hidden_as_before():
    gate = Gate()
    gate.pass_through(0, GROUND, checked=True)
    assert gate.pass_through(1, np.roll(GROUND, 9, axis=1), checked=False).obscured
    assert gate.pass_through(2, 255 - GROUND, checked=False).obscured


def test_nobody_is_shown_a_picture_for_long_that_is_not_of_now():
    gate = Gate()
    gate.pass_through(0, GROUND, checked=True)
    out = [gate.pass_through(index, GROUND, checked=False).obscured for index in range(1, 60)]
    assert out.index(True) == LATE_FOR * 25, "the frame after two seconds"
    assert all(out[LATE_FOR * 25 :])


def test_before_any_picture_was_released_all_is_hidden():
    assert Gate().pass_through(0, GROUND, checked=False).obscured


def test_a_picture_made_by_other_settings_is_not_shown_again():
    gate = Gate()
    gate.pass_through(0, GROUND, checked=True)
    gate.settings = replace(SETTINGS, zones=(Zone(((0, 0), (200, 0), (200, 200), (0, 200))),))
    assert gate.pass_through(1, GROUND, checked=False).obscured


def test_zones_and_spans_that_begin_with_a_late_frame_hide_it():
    corners = ((600.0, 300.0), (700.0, 300.0), (700.0, 400.0), (600.0, 400.0))
    later = Span(Fraction(1, 25), Fraction(9))
    gate = Gate(replace(SETTINGS, zones=(Zone(corners, later),)))
    assert (luma_of(gate.pass_through(0, GROUND, checked=True)) == GROUND).all()
    late = gate.pass_through(1, GROUND, checked=False)
    assert (luma_of(late)[300:400, 600:700] == 16).all()
    assert late.late == 0
    whole = Gate(replace(SETTINGS, obscured=(later,)))
    whole.pass_through(0, GROUND, checked=True)
    assert (luma_of(whole.pass_through(1, GROUND, checked=False)) == 16).all()


def test_the_tracks_of_a_late_frame_are_covered_on_it():
    gate = Gate()
    gate.pass_through(0, GROUND, checked=True)
    track = Track(3, Kind.FACE, 1, np.array([[300, 200, 330, 240]], np.float64), np.ones(1, np.float32), (Why.HELD,))
    late = gate.pass_through(1, GROUND, checked=False, tracks=[track])
    assert (luma_of(late)[210:230, 308:322] == 16).all()


def test_a_late_frame_is_marked():
    gate = Gate()
    gate.pass_through(0, GROUND, checked=True)
    marked = luma_of(gate.pass_through(1, GROUND, checked=False))
    corner = marked[-STAMP[0] :, : STAMP[1]] != GROUND[-STAMP[0] :, : STAMP[1]]
    assert corner.mean() > 0.2
    assert luma_of(gate.pass_through(2, GROUND, checked=True))[-1, 1] == GROUND[-1, 1]


@pytest.mark.parametrize("unbracketed", Unbracketed)
def test_the_delay_line_repeats_pictures_unless_they_are_to_be_dropped(unbracketed, monkeypatch):
    monkeypatch.setattr(settling, "LOOKS", 1)
    monkeypatch.setattr(curtain, "HIDDEN_FOR", 0)
    line, out = DelayLine(replace(SETTINGS, live=Live(unbracketed=unbracketed))), []
    for index in range(60):
        now = index / 25
        line.take(picture(index, GROUND), now)
        if index in (0, 3):  # then the detector is busy for long
            (held,) = [h for h in line._held if h.frame.index == index]
            line.asked(held, THOROUGH)
            line.learn(index, Detections.empty())
        out += [cleared for _, cleared in line.due(now)]
    checked, late, rest = out[:4], out[4:20], out[20:]
    assert all(not c.obscured and c.late is None for c in checked)
    if unbracketed is Unbracketed.OBSCURE:
        assert all(c.late == 0 and not c.obscured for c in [*late, *rest])
    else:
        assert all(c.obscured for c in [*late, *rest])


def test_late_frames_are_counted_and_what_is_covered_on_them():
    metrics = Metrics()
    metrics.frames_out(4)
    metrics.late(0.25)
    metrics.late(0.05)
    text = metrics.text().decode()
    assert 'anonymize_frames_late_total{camera="camera"} 2.0' in text
    assert 'anonymize_frames_late_covered_total{camera="camera"} 0.3' in text
    assert metrics.snapshot()["frames"]["late"] == 2
    assert metrics.snapshot()["late_covered"] == pytest.approx(0.075)
