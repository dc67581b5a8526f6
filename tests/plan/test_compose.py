from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymize.data import Detections, Kind, Shape, Timestamps, Track, Why
from anonymize.errors import UsageError
from anonymize.plan import About, Plan, Regions, parse
from anonymize.plan import lines as plan_lines
from anonymize.plan.compose import WEAKLY, compose, refuse_unmet
from anonymize.settings import Settings
from anonymize.text.mapping import from_mapping

SIZE = (200, 100)
TIMES = [Fraction(i, 25) for i in range(20)]


def track(first: int = 2, length: int = 5, kind: Kind = Kind.FACE) -> Track:
    boxes = np.array([[50 + i, 20, 70 + i, 45] for i in range(length)], np.float32)
    return Track(4, kind, first, boxes, np.full(length, 0.7, np.float32), (Why.DETECTED,) * length)


def rows(settings: Settings, tracks=(), looks=TIMES, cuts=()):
    return list(compose(tracks, TIMES, looks, cuts, SIZE, settings))


def settings(**values):
    return from_mapping(Settings, values, Settings())


def test_a_track_becomes_a_padded_region_on_each_of_its_frames():
    made = rows(settings(), [track()])
    assert [(first, end) for first, end, _ in made] == [(i, i + 1) for i in range(2, 7)]
    region = made[0][2]
    assert (region.track, region.kind, region.why, region.shape) == (4, Kind.FACE, Why.DETECTED, Shape.ELLIPSE)
    x0, y0, x1, y1 = region.xyxy
    assert x0 < 50 - 0.29 * 20
    assert y0 < 20 - 0.29 * 25
    assert x1 > 70 + 0.29 * 20
    assert y1 > 45 + 0.29 * 25


@pytest.mark.parametrize("padding", [0.25, 0.3])
def test_a_weak_face_is_padded_a_little_more_and_a_weak_plate_is_not(padding):
    wanted = settings(redact={"face": {"padding": padding}})
    for kind, more in ((Kind.FACE, WEAKLY), (Kind.PLATE, 0.0)):
        sure = track(kind=kind)
        ((*_, there),) = rows(wanted, [replace(sure, xyxy=sure.xyxy[:1], score=sure.score[:1], why=sure.why[:1])])
        weak = rows(wanted, [replace(sure, weak=True)])
        assert len(weak) == len(sure.xyxy)
        sides = sure.xyxy[0, 2:] - sure.xyxy[0, :2]
        grown = np.array(weak[0][2].xyxy) - there.xyxy
        assert grown == pytest.approx([*(-more * sides), *(more * sides)], abs=1e-3)


@pytest.mark.parametrize("shape", ["box", "ellipse"])
def test_what_touches_the_border_by_a_hair_is_in_the_plan_only_if_its_file_can_be_read(shape):
    wanted = settings(redact={"face": {"shape": shape}})
    kept = 0
    for step in range(400):
        one = replace(track(length=1), xyxy=np.array([[201 + step * 0.0301, 20, 221 + step * 0.0301, 45]], np.float32))
        made = Plan(About("00", len(TIMES), *SIZE, wanted), Regions(rows(wanted, [one])))
        assert len(parse(plan_lines(made), "plan").regions) == len(made.regions)
        kept += len(made.regions)
    assert 0 < kept < 400


def test_kinds_that_nobody_wants_are_not_redacted():
    assert rows(settings(targets=["face"]), [track(kind=Kind.PLATE)]) == []


@given(st.lists(st.integers(0, 19), max_size=20), st.sampled_from([0.12, 0.2, 0.5]))
def test_every_frame_is_either_bracketed_or_obscured_whole(looked, gap):
    looks = sorted({TIMES[i] for i in looked})
    made = rows(settings(follow={"max_gap": gap}), looks=looks)
    hidden = {i for first, end, region in made if region.why is Why.UNBRACKETED for i in range(first, end)}
    for index, time in enumerate(TIMES):
        before = [look for look in looks if look <= time]
        after = [look for look in looks if look >= time]
        safe = bool(before and after) and after[0] - before[-1] <= Fraction(str(gap))
        assert (index in hidden) != safe


def test_zones_apply_in_their_span_and_whole_pictures_cover_everything():
    zone = {"polygon": [[0, 0], [9, 0], [9, 9]], "span": {"start": "0.2", "end": "0.4"}}
    made = rows(settings(zones=[zone], obscured=[{"start": "0.72"}]))
    by_why = {region.why: (first, end, region) for first, end, region in made}
    assert by_why[Why.ZONE][:2] == (5, 10)
    assert by_why[Why.ZONE][2].shape is Shape.POLYGON
    assert by_why[Why.MANUAL][:2] == (18, 20)
    assert by_why[Why.MANUAL][2].xyxy == (0, 0, *SIZE)


def test_with_no_targets_nothing_needs_bracketing():
    zone = {"polygon": [[0, 0], [9, 0], [9, 9]]}
    assert {region.why for _, _, region in rows(settings(targets=[], zones=[zone]), looks=[])} == {Why.ZONE}


def test_no_frames_no_regions():
    assert list(compose([], [], [], [], SIZE, Settings())) == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"xyxy": np.zeros((2, 5))}, r"expected shape \(2, 4\), got \(2, 5\)"),
        ({"score": np.zeros(3)}, r"expected shape \(2,\), got \(3,\)"),
        ({"xyxy": np.array([[0, 0, 1, np.nan], [0, 0, 1, 1]])}, "finite"),
        ({"xyxy": np.array([[1, 0, 1, 1], [0, 0, 1, 1]])}, "x0 < x1"),
        ({"score": np.array([0.5, 1.5])}, r"in \[0, 1\]"),
        ({"kind": np.array([0, 9])}, "values of Kind"),
    ],
)
def test_detections_that_do_not_fit_are_refused(values, message):
    good = {"xyxy": np.array([[0, 0, 1, 1], [2, 2, 3, 3]]), "score": np.array([0.5, 1]), "kind": np.array([0, 1])}
    assert len(Detections(**good)) == 2
    with pytest.raises(ValueError, match=message):
        Detections(**{**good, **values})


def test_detections_move_between_a_tile_and_the_picture():
    tile = Detections(np.array([[1, 2, 3, 4]]), np.array([1]), np.array([0]))
    assert tile.moved((2, 3), (10, 20)).xyxy.tolist() == [[12, 26, 16, 32]]


def test_timestamps_are_exact_and_compact():
    times = Timestamps(Fraction(1, 3))
    times.pts.extend([0, 1, 5])
    assert list(times) == [0, Fraction(1, 3), Fraction(5, 3)]
    assert list(times[1:]) == [Fraction(1, 3), Fraction(5, 3)]
    assert times.pts.itemsize == 8


@pytest.mark.parametrize("key", ["zones", "spared"])
@pytest.mark.parametrize(
    "corners", [[[200, 0], [250, 0], [250, 50]], [[-9, -9], [0, -9], [0, 0]], [[9, 100], [20, 120], [0, 140]]]
)
def test_a_zone_outside_the_picture_is_refused(key, corners):
    with pytest.raises(UsageError, match=r"a.mp4: the zone .* lies outside the picture, which is 200 x 100 pixels"):
        refuse_unmet(TIMES, SIZE, settings(**{key: [{"polygon": corners}]}), "a.mp4")
    refuse_unmet(TIMES, SIZE, settings(**{key: [{"polygon": [[199, 0], [250, 0], [250, 50]]}]}), "a.mp4")


def test_a_zone_without_an_area_is_refused():
    with pytest.raises(UsageError, match=r"the zone 1,1 5,5 9,9 has no area"):
        settings(zones=[{"polygon": [[1, 1], [5, 5], [9, 9]]}])


def test_what_a_track_holds_outside_the_picture_is_no_region():
    gone = Track(
        4,
        Kind.FACE,
        2,
        np.array([[190, 20, 199, 40], [290, 20, 310, 40]], np.float32),
        np.ones(2, np.float32),
        (Why.HELD,) * 2,
    )
    assert [first for first, _, _ in rows(settings(), [gone])] == [2]
