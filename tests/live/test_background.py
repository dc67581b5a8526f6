"""The target `motion`: the empty place is learnt while it is vouched empty, and all that differs from it is covered."""

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from anonymize.data import Detections, Kind
from anonymize.detect import first_detectors, sought
from anonymize.errors import UsageError
from anonymize.kinds import MOTION
from anonymize.live.chain import background
from anonymize.live.chain.background import ANEW, MOST, STILL
from anonymize.live.chain.canvas import Canvas
from anonymize.live.chain.delay import DelayLine
from anonymize.live.chain.gate import Cleared
from anonymize.live.detector.pace import THOROUGH
from anonymize.live.health import Obstacle
from anonymize.live.supervisor.config import for_live
from anonymize.settings import Live, Settings, Span, Zone

SETTINGS = Settings(targets=frozenset({MOTION}), live=Live(lookahead=0.8))
RATE, SIDE = 5, 14
NOBODY = Detections.empty()


def ground(width, height):
    random = np.random.default_rng(5)
    return cv2.GaussianBlur(random.integers(40, 200, (height, width), np.uint8), (0, 0), 3)


class Place:
    """A camera in front of an empty place; detectors find `found` at each look."""

    def __init__(self, width=1280, height=720, *, noise=0.0, settings=SETTINGS):
        self.canvas, self.ground = Canvas(width, height), ground(width, height)
        self.line, self.settings = DelayLine(settings), settings
        self.number, self.noise, self.random = 0, noise, np.random.default_rng(3)
        self.found = NOBODY
        self.sent = {}

    def send(self, luma, chroma=110):
        """The frames that leave when one more comes."""
        if self.noise:
            luma = np.clip(luma + self.random.normal(0, self.noise, luma.shape), 16, 235).astype(np.uint8)
        frame = self.canvas.black(self.number, self.number * 90_000 // RATE)
        np.copyto(frame.planes[0].pixels, luma)
        frame.planes[1].pixels[...] = chroma
        now = self.number / RATE
        self.sent[self.number] = luma
        self.line.take(frame, now)
        if self.line.wanted(now, 0.1, 0.1) is not None:
            assert self.line.place is None or self.line.needed == THOROUGH
            self.line.asked(self.line._held[-1], THOROUGH)
            self.line.learn(self.number, self.found)
        self.number += 1
        return [out for _, out in self.line.due(now)]

    def hold(self, luma, seconds):
        return [out for _ in range(round(seconds * RATE)) for out in self.send(luma)]

    def learnt(self):
        outs = self.hold(self.ground, STILL + 4)
        assert self.line.place is not None
        assert self.line.place.share == 1
        assert not outs[-1].obscured
        return self

    def with_square(self, x, y, value=255, side=SIDE):
        luma = self.ground.copy()
        luma[y : y + side, x : x + side] = value
        return luma


def luma_of(out):
    return out.frame.planes[0].pixels


def covered(place, out, x, y, side=SIDE):
    """Whether nothing of that place is as it was learnt: every pixel is of one level."""
    return len(set(luma_of(out)[y : y + side, x : x + side].ravel().tolist())) == 1


def test_the_first_seconds_are_hidden():
    place = Place()
    outs = place.hold(place.ground, STILL)
    assert outs
    assert all(out.obscured for out in outs)
    assert not place.hold(place.ground, 4)[-1].obscured


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)], ids=str)
@pytest.mark.parametrize("x", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("y", [0.0, 0.5, 1.0])
def test_a_small_thing_that_moves_is_covered_from_the_frame_in_which_it_comes(size, x, y):
    place = Place(*size).learnt()
    left, top = round(x * (size[0] - SIDE)), round(y * (size[1] - SIDE))
    outs = place.send(place.with_square(left, top)) + place.hold(place.ground, 1.6)
    shown = [covered(place, out, left, top) for out in outs]
    assert not shown[0]
    assert all(shown[2:8]), "before it comes, with it, and a while after"
    assert not outs[4].obscured
    assert 0 < np.mean(luma_of(outs[4]) != luma_of(outs[0])) < 0.02


def test_what_differs_in_colour_alone_is_covered():
    place = Place().learnt()
    outs = []
    for _ in range(6):
        chroma = np.full((360, 640), 110, np.uint8)
        chroma[100:110, 200:210] = 140
        outs += place.send(place.ground, chroma)
    assert covered(place, outs[-1], 400, 200, 20)


def test_who_stands_still_for_long_stays_covered():
    place = Place().learnt()
    outs = place.hold(place.with_square(600, 300, 40, 60), 120)
    assert all(covered(place, out, 600, 300, 60) for out in outs[5:])
    assert place.line.place.share == 1
    assert not outs[-1].obscured


def test_a_place_where_somebody_was_found_is_not_learnt():
    place = Place()
    box = np.array([[600, 200, 630, 240]], np.float32)
    place.found = Detections(box, np.full(1, 0.3, np.float32), np.zeros(1, int))
    outs = place.hold(place.with_square(560, 200, 40, 300), STILL * 3)
    assert covered(place, outs[-1], 560, 240, 150), "face and body"
    assert not outs[-1].obscured
    assert not covered(place, outs[-1], 200, 300, 60)
    place.found = NOBODY
    outs = place.hold(place.ground, STILL + 5)
    assert not covered(place, outs[-1], 600, 300, 60)


def test_where_somebody_is_found_later_is_covered_again():
    place = Place()
    place.hold(place.with_square(600, 300, 40, 60), STILL + 4)
    face = Detections(np.array([[610, 300, 640, 340]], np.float32), np.full(1, 0.8, np.float32), np.zeros(1, int))
    place.found = face
    outs = place.hold(place.with_square(600, 300, 40, 60), 3)
    assert covered(place, outs[-1], 600, 300, 60)
    assert not outs[-1].obscured


def test_who_walks_in_and_is_found_takes_nothing_of_the_place_away():
    place = Place().learnt()
    place.found = Detections(
        np.array([[600, 300, 640, 350]], np.float32), np.full(1, 0.9, np.float32), np.zeros(1, int)
    )
    outs = place.hold(place.with_square(590, 290, 250, 80), 4)
    assert place.line.place is not None
    assert place.line.place.share == 1
    assert covered(place, outs[-1], 600, 300, 50)
    assert not covered(place, outs[-1], 560, 600, 40), "the cover is no larger than the motion"


def test_who_is_found_in_a_place_that_is_not_known_yet_has_not_come_into_it():
    """Somebody sits and moves only their head, which is found late: their legs were learnt as the empty place."""
    place = Place()
    outs: list[Cleared] = []
    for number in range(round((STILL + 6) * RATE)):
        if number == (STILL + 4) * RATE:
            assert not covered(place, outs[-1], 600, 420, 60), "the legs were learnt"
            face = np.array([[600, 200, 650, 260]], np.float32)
            place.found = Detections(face, np.full(1, 0.9, np.float32), np.zeros(1, int))
        luma = place.ground.copy()
        luma[200:260, 600 + number % 4 : 650] = 40
        outs += place.send(luma)
    outs += place.hold(luma, 1.6)
    assert covered(place, outs[-1], 600, 420, 60)
    assert not outs[-1].obscured
    assert not covered(place, outs[-1], 100, 100, 60)


def test_nothing_is_learnt_around_what_moves():
    """A coat is still while its owner sways: what is near motion is not part of the empty place."""
    place, outs = Place(), []
    for number in range(round(3 * STILL * RATE)):
        luma = place.with_square(500, 200, 40, 120)
        luma[200:320, 620 : 622 + number % 4] = 40
        outs += place.send(luma)
    assert covered(place, outs[-1], 540, 230, 80)
    assert not covered(place, outs[-1], 100, 100, 80)


def fidgeting(place, seconds):
    """Somebody who is as bright as the place and moves a little is in it."""
    outs = []
    for number in range(round(seconds * RATE)):
        luma = place.ground.copy()
        luma[200:320, 500:620] += np.uint8(number % 2 * 6)
        outs += place.send(luma)
    return outs


def test_after_a_flash_who_moves_a_little_is_not_learnt():
    place = Place()
    place.hold(place.ground, 2.4)
    place.send(place.ground + np.uint8(40))
    outs = fidgeting(place, STILL + 6)
    assert not outs[-1].obscured
    assert not covered(place, outs[-1], 100, 100, 80)
    assert covered(place, outs[-1], 540, 230, 60)


def test_a_lesser_flash_is_forgotten_as_well(monkeypatch):
    monkeypatch.setattr(background, "_RECENT", 20)
    place = Place()
    place.hold(place.ground, 2.4)
    place.send(place.ground + np.uint8(3))
    outs = fidgeting(place, STILL + 6)
    assert not outs[-1].obscured
    assert covered(place, outs[-1], 540, 230, 60)


@pytest.mark.parametrize("every", [2, 25])
def test_a_picture_that_is_renewed_now_and_then_is_noise(every):
    """As encoders do: nothing changes between two whole pictures, and with each all does a little."""
    place, outs = Place(), []
    for number in range(round((STILL + 10) * RATE)):
        if number % every == 0:
            noise = place.random.normal(0, 3, place.ground.shape)
            luma = np.clip(place.ground + noise, 16, 235).astype(np.uint8)
        outs += place.send(luma)
    assert not outs[-1].obscured
    assert place.line.place is not None
    assert place.line.place.share == 1


def test_a_camera_of_much_noise_is_learnt():
    place = Place(noise=8.5)
    assert not place.hold(place.ground, STILL + 6)[-1].obscured


def test_a_patch_that_is_forgotten_after_the_light_changed_makes_no_noise():
    place = Place().learnt()
    dark = np.rint((place.ground.astype(np.float32) - 16) * 0.8 + 16).astype(np.uint8)
    place.hold(dark, 2)
    face = np.array([[600, 300, 640, 350]], np.float32)
    place.found = Detections(face, np.full(1, 0.9, np.float32), np.zeros(1, int))
    place.hold(dark, 3)
    assert place.line.place.share < 1
    assert max(place.line.place._noises) == 0


def test_without_looks_nothing_is_learnt(monkeypatch):
    place = Place()
    monkeypatch.setattr(DelayLine, "wanted", lambda *_: None)
    assert all(out.obscured for out in place.hold(place.ground, 3 * STILL))


def busy(place, seconds):
    """A street on which something moves everywhere, all the time."""
    return [out for number in range(round(seconds * RATE)) for out in place.send(np.roll(place.ground, 97 * number, 1))]


def test_a_place_that_is_never_still_says_so_until_it_is_learnt():
    """It hid all for ever, without a word."""
    place = Place()
    assert place.line.place is not None
    busy(place, 3 * STILL - 1)
    assert place.line.place.obstacle is None
    busy(place, 2)
    assert place.line.place.obstacle is Obstacle.UNLEARNT
    place.hold(place.ground, STILL + 4)
    assert place.line.place.obstacle is None


def test_a_place_in_which_people_are_always_found_says_so():
    place = Place()
    place.found = Detections(np.array([[0, 0, 1280, 720]], np.float32), np.ones(1, np.float32), np.array([Kind.PERSON]))
    place.hold(place.ground, 3 * STILL + 1)
    assert place.line.place is not None
    assert place.line.place.obstacle is Obstacle.UNLEARNT


def test_detectors_that_look_too_seldom_are_why_a_place_is_not_learnt(monkeypatch):
    monkeypatch.setattr(DelayLine, "wanted", lambda *_: None)
    place = Place()
    place.hold(place.ground, 3 * STILL + 1)
    assert place.line.place is not None
    assert place.line.place.obstacle is Obstacle.UNSEEN


def test_a_place_that_differs_nearly_everywhere_says_so_until_it_is_learnt_anew():
    place = Place().learnt()
    assert place.line.place is not None
    assert place.line.place.obstacle is None
    turned = np.ascontiguousarray(place.ground[::-1, ::-1])
    said: list[Obstacle | None] = []
    for _ in range(ANEW + STILL + 5):
        place.hold(turned, 1)
        said.append(place.line.place.obstacle)
    assert said[: STILL - 1] == [None] * (STILL - 1)
    assert set(said[STILL + 1 : ANEW - 1]) == {Obstacle.DIFFERS}
    assert said[ANEW + 3] is Obstacle.UNLEARNT, "and not starting once more"
    assert said[-1] is None


def test_who_stands_in_front_of_a_camera_that_shakes_is_not_seen():
    place, outs = Place().learnt(), []
    for number in range(20):
        outs += place.send(np.roll(place.with_square(600, 300, 250, 40), (number % 3 * 4, number % 5 * 3), (0, 1)))
    seen = [out for out in outs if not out.obscured]
    assert all(250 not in luma_of(out)[280:360, 580:680] for out in seen)
    assert any(out.obscured for out in outs)


def test_a_cloud_is_no_motion_and_who_walks_in_its_shadow_is_covered():
    place, outs = Place().learnt(), []
    for number in range(40):
        light = 1 - 0.25 * min(number, 20) / 20
        luma = (place.with_square(600, 300, 250, 40).astype(np.float32) - 16) * light + 16
        outs += place.send(np.rint(luma).astype(np.uint8))
    assert not any(out.obscured for out in outs)
    assert covered(place, outs[-1], 600, 300, 40)
    dark = luma_of(outs[-1])[500:600, 100:200].mean() - 16
    assert dark == pytest.approx(0.75 * (place.ground[500:600, 100:200].mean() - 16), abs=3)
    assert (luma_of(outs[-1]) != luma_of(outs[0])).mean() > 0.9, "it is as dark as the place"


@pytest.mark.parametrize("lighter", [0.6, 0.8, 1.3])
def test_what_is_learnt_after_the_light_changed_is_not_covered(lighter):
    """Somebody stood there while the rest was learnt, and leaves when the sun has come out: the place is empty."""
    place = Place(640, 360)
    empty = place.line.place
    assert empty is not None
    face = np.array([[300, 100, 315, 120]], np.float32)
    place.found = Detections(face, np.full(1, 0.9, np.float32), np.zeros(1, int))
    place.hold(place.ground, STILL + 4)
    assert 0.5 < empty.share < 1
    steps = round(20 * RATE)
    lit = [np.rint((place.ground - 16.0) * lighter**share + 16) for share in np.linspace(0, 1, steps)]
    outs = [out for luma in lit for out in place.send(luma.clip(16, 235).astype(np.uint8))]
    assert covered(place, outs[-1], 300, 100)
    place.found, now = NOBODY, lit[-1].clip(16, 235).astype(np.uint8)
    outs = place.hold(now, STILL + 5)
    assert empty.share == 1
    assert not covered(place, outs[-1], 300, 100)
    assert np.abs(luma_of(outs[-1])[90:130, 290:330].astype(int) - now[90:130, 290:330]).max() <= 3
    outs = place.hold(place.ground, 5)
    assert not covered(place, outs[-1], 300, 100), "nor when the light is as it was"


def test_light_that_changes_slowly_in_a_part_is_followed_in_brightness_alone():
    place, outs = Place().learnt(), []
    for number in range(round(40 * RATE)):
        luma = place.ground.astype(int)
        luma[:, 640:] += number // (2 * RATE)
        outs += place.send(np.clip(luma, 16, 235).astype(np.uint8))
    assert not outs[-1].obscured
    assert not covered(place, outs[-1], 1000, 300, 60)
    lighter = luma_of(outs[-1])[300:400, 900:1100].astype(int) - place.ground[300:400, 900:1100]
    assert lighter.mean() == pytest.approx(19, abs=2)
    assert np.ptp(lighter) <= 2, "no pixel of it is of a later frame"


def test_a_camera_that_was_turned_is_learnt_anew():
    place = Place().learnt()
    turned = np.ascontiguousarray(place.ground[::-1, ::-1])
    outs = place.hold(turned, ANEW + STILL + 5)
    assert all(out.obscured for out in outs[5 : ANEW * RATE])
    assert not outs[-1].obscured
    assert (luma_of(outs[-1]) == turned).mean() > 0.99


def test_noise_is_no_motion_and_what_rises_above_it_is_covered():
    place = Place(noise=3).learnt()
    outs = place.hold(place.ground, 3)
    assert np.mean([len(out.regions) for out in outs[-5:]]) == 0
    outs = place.hold(place.with_square(700, 400, 235), 2)
    assert covered(place, outs[-1], 700, 400)


@hypothesis_settings(max_examples=6, deadline=None)
@given(
    st.sampled_from([(1280, 720), (1920, 1080)]),
    st.lists(
        st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(SIDE, 200), st.integers(20, 235), st.integers(-2, 2)),
        min_size=1,
        max_size=5,
    ),
)
def test_every_pixel_is_of_the_empty_place_or_a_cover(size, frames):
    """And every block that differs from it beyond the noise is covered, in the frame in which it does."""
    place = Place(*size).learnt()
    empty = place.ground.copy()
    sent = [place.ground] * round(0.8 * RATE)
    outs = []
    for x, y, side, value, brighter in frames:
        luma = place.with_square(round(x * (size[0] - side)), round(y * (size[1] - side)), value, side)
        luma = np.clip(luma.astype(int) + brighter, 16, 235).astype(np.uint8)
        sent.append(luma)
        outs += place.send(luma)
    outs += place.hold(place.ground, 0.8)
    for luma, out in zip(sent, outs, strict=False):
        if out.obscured:
            continue
        shown = luma_of(out)
        mask = _covers(out)
        assert np.abs(shown[~mask].astype(int) - empty[~mask]).max(initial=0) <= 3, "of the empty place"
        assert len(set(shown[mask].tolist())) <= 1
        differs = np.abs(luma.astype(int) - empty) > 12
        blocks = cv2.resize(differs.astype(np.float32), (size[0] // 8, size[1] // 8), interpolation=cv2.INTER_AREA)
        wide = cv2.resize(blocks, size, interpolation=cv2.INTER_NEAREST) > 0.5
        assert mask[wide].all()


def _covers(out):
    """The cells of one level: the ground has none."""
    luma = luma_of(out)
    height, width = luma.shape
    grid = (round(width / 32), round(height / 32))
    cells = np.arange(grid[0] * grid[1], dtype=np.float32).reshape(grid[1], grid[0])
    numbers = cv2.resize(cells, (width, height), interpolation=cv2.INTER_NEAREST).astype(int)
    order = np.argsort(numbers.ravel(), kind="stable")
    starts = np.searchsorted(numbers.ravel()[order], np.arange(cells.size))
    flat = luma.ravel()[order]
    even = np.maximum.reduceat(flat, starts) == np.minimum.reduceat(flat, starts)
    return even[numbers]


def test_zones_are_hidden_too():
    corners = ((600.0, 300.0), (700.0, 300.0), (700.0, 400.0), (600.0, 400.0))
    place = Place(settings=replace(SETTINGS, zones=(Zone(corners),))).learnt()
    assert (luma_of(place.hold(place.ground, 1)[-1])[300:400, 600:700] == 16).all()


def test_an_error_hides_frames_and_the_place_is_learnt_anew(monkeypatch):
    place = Place().learnt()
    monkeypatch.setattr(background.Background, "_follow", lambda *_: 1 / 0)
    outs = place.hold(place.ground, 2)
    assert any(out.obscured for out in outs)
    assert place.line.faults
    monkeypatch.undo()
    assert not place.hold(place.ground, STILL + 4)[-1].obscured


def test_other_targets_by_a_change_of_settings_start_anew():
    place = Place().learnt()
    place.line.change(Settings(live=SETTINGS.live))
    assert place.line.place is None
    assert all(out.obscured for out in place.hold(place.ground, 2)[:4]), "those that waited"
    place.line.change(SETTINGS)
    assert all(out.obscured for out in place.hold(place.ground, STILL))
    assert not place.hold(place.ground, 5)[-1].obscured


def test_a_place_where_most_moves_is_hidden():
    place = Place().learnt()
    luma = place.ground.copy()
    luma[:, : round(1280 * (MOST + 0.1))] = 90
    assert place.hold(luma, 2)[-1].obscured


def test_nothing_is_left_visible():
    for settings in (
        replace(SETTINGS, spared=(Zone(((0, 0), (9, 0), (9, 9))),)),
        replace(SETTINGS, only=(Span(Fraction(0), Fraction(3)),)),
    ):
        with pytest.raises(UsageError, match="with motion all that moves is covered"):
            for_live(settings)


def test_detectors_look_for_all_that_they_can_find():
    assert sought(SETTINGS).targets == {Kind.FACE, Kind.PLATE, Kind.HEAD, Kind.PERSON}
    with_faces = replace(SETTINGS, targets=frozenset({MOTION, Kind.FACE}))
    assert sought(with_faces).targets == {Kind.FACE, Kind.PLATE, Kind.HEAD, Kind.PERSON}, "who stands there is somebody"
    assert sought(replace(SETTINGS, targets=frozenset({MOTION, Kind.TEXT}))).targets >= {Kind.TEXT, Kind.HEAD}
    assert sought(Settings()) == Settings()


def test_no_other_command_has_such_a_target():
    with pytest.raises(UsageError, match="in `anonymize live` alone"):
        first_detectors(SETTINGS)
