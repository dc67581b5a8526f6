"""The tracker on made pictures: textured squares that move over a textured ground, seen by a moving camera."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from anonymize.data import Box, Detections, Kind, Plane, Track, Why
from anonymize.detect import DetectionResult
from anonymize.detect.scan import Follower, ScannedFrame
from anonymize.settings import Follow, Settings
from anonymize.track import MotionSample, Tracker
from anonymize.track.motion import _grid
from anonymize.track.subject import Trajectory, apart
from anonymize.track.tracker import AGREE

WIDTH, HEIGHT = 320, 180
HIGH = 0.35
Picture = NDArray[np.uint8]
Finds = Mapping[int, Sequence[tuple[Box, float]]]
Where = Callable[[int], Box]


@dataclass(frozen=True)
class Still:
    """The least a frame needs for the tracker: grey pixels and a time."""

    index: int
    picture: Picture
    pts: int
    time_base: Fraction = Fraction(1, 25)
    depth: int = 8
    planes: tuple[Plane, ...] = ()

    @property
    def width(self) -> int:
        return int(self.picture.shape[1])

    @property
    def height(self) -> int:
        return int(self.picture.shape[0])

    aspects = (Fraction(1),)

    def luma(self, width: int, height: int) -> Picture:
        return cv2.resize(self.picture, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)

    def bgr(self, width: int, height: int) -> Picture:  # noqa: ARG002  # the protocol's names
        raise AssertionError("the tracker looks at luma only")

    def writable(self) -> Still:
        raise AssertionError("the tracker draws nothing")


def texture(width: int, height: int, seed: int) -> Picture:
    """Smooth random blobs of full contrast."""
    noise = np.random.default_rng(seed).normal(size=(height, width)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.5)
    return np.asarray(np.clip(128 + 55 * smooth / smooth.std(), 0, 255), np.uint8)


GROUND = texture(3 * WIDTH, 3 * HEIGHT, 1)
OTHER = texture(3 * WIDTH, 3 * HEIGHT, 2)
SKIN = texture(64, 64, 3)


def scene(
    frames: int, subject: Where | None = None, pan: tuple[float, float] = (0.0, 0.0), ground: Picture = GROUND
) -> list[Picture]:
    """Pictures of a square at `subject(frame)` before a ground that the camera pans over by `pan` pixels a frame."""
    pictures = []
    for i in range(frames):
        shift = np.array([[1.0, 0, -WIDTH - pan[0] * i], [0, 1, -HEIGHT - pan[1] * i]])
        picture = np.asarray(cv2.warpAffine(ground, shift, (WIDTH, HEIGHT)), np.uint8)
        if subject is not None:
            x0, y0, x1, y1 = subject(i)
            place = np.array([[(x1 - x0) / 64, 0.0, x0], [0, (y1 - y0) / 64, y0]])
            cv2.warpAffine(
                SKIN, place, (WIDTH, HEIGHT), picture, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT
            )
        pictures.append(picture)
    return pictures


def boxes(rows: Iterable[tuple[Box, float]]) -> Detections:
    rows = list(rows)
    xyxy = np.array([box for box, _ in rows], np.float32).reshape(-1, 4)
    return Detections(xyxy, np.array([score for _, score in rows], np.float32), np.full(len(rows), Kind.FACE, np.int8))


def follow(
    pictures: Sequence[Picture],
    finds: Finds,
    settings: Follow | None = None,
    pts: Sequence[int] | None = None,
    late: int = 0,
) -> tuple[list[Track], list[int]]:
    """Run a tracker; each find is handed over `late` frames after its own. Tracks, and where scenes began."""
    tracker, cuts = Tracker(settings or Follow(), HIGH), []
    for i, picture in enumerate(pictures):
        if tracker.see(Still(i, picture, pts[i] if pts else i)):
            cuts.append(i)
        if i - late in finds:
            tracker.find(i - late, boxes(finds[i - late]))
    for i in range(max(len(pictures) - late, 0), len(pictures)):
        if i in finds:
            tracker.find(i, boxes(finds[i]))
    return tracker.finish(), cuts


def at(track: Track, index: int) -> NDArray[np.float32]:
    return np.asarray(track.xyxy[index - track.first])


def holds(outer: NDArray[np.float32], inner: Box, slack: float = 0.0) -> bool:
    x0, y0, x1, y1 = inner
    return bool(outer[0] <= x0 + slack and outer[1] <= y0 + slack and outer[2] >= x1 - slack and outer[3] >= y1 - slack)


def standing(_: int) -> Box:
    return (140.0, 70.0, 180.0, 120.0)


def walking(i: int) -> Box:
    return (60.0 + 3 * i, 60.0, 100.0 + 3 * i, 110.0)


def test_no_find_gives_no_track() -> None:
    assert follow(scene(5), {0: [], 4: []}) == ([], [])


def test_nothing_seen_gives_no_track() -> None:
    assert Tracker(Follow(), HIGH).finish() == []


def test_single_frame() -> None:
    (track,), cuts = follow(scene(1, standing), {0: [(standing(0), 0.9)]})
    assert (track.first, track.end, cuts) == (0, 1, [])
    assert track.why == (Why.DETECTED,)
    assert holds(at(track, 0), standing(0))


def test_interpolation_follows_the_picture() -> None:
    def turning(i: int) -> Box:
        x = 60 + 5 * min(i, 30 - i)
        return (x, 60.0, x + 40.0, 110.0)

    tracks, _ = follow(scene(31, turning), {i: [(turning(i), 0.9)] for i in (0, 30)})
    (track,) = tracks
    assert set(track.why[1:-1]) == {Why.INTERPOLATED}
    assert all(holds(at(track, i), turning(i), slack=3) for i in range(31))


def test_back_fill_and_hold_follow_the_picture_under_a_pan() -> None:
    tracks, cuts = follow(scene(41, walking, pan=(4, 1)), {20: [(walking(20), 0.9)]})
    (track,) = tracks
    assert cuts == []
    assert track.first == 0
    assert track.end == 41
    assert set(track.why[:20]) == {Why.HELD}
    assert all(holds(at(track, i), walking(i), slack=3) for i in range(41))


def test_hold_ends_when_nothing_alike_is_there() -> None:
    pictures = scene(30, standing) + scene(60)
    (track,), cuts = follow(pictures, {i: [(standing(i), 0.9)] for i in range(0, 30, 3)}, Follow(hold=0.4))
    assert cuts == []
    assert 27 + 10 < track.end <= 27 + 12


def test_hold_goes_on_while_the_subject_is_in_sight() -> None:
    (track,), _ = follow(scene(50, standing), {0: [(standing(0), 0.9)]}, Follow(hold=0.4, bridge=0.4))
    assert 35 <= track.end <= 42, "four times as long, and no longer"


def test_a_weak_find_is_dropped_three_that_agree_are_kept() -> None:
    pictures = scene(20, standing)
    assert follow(pictures, {0: [(standing(0), 0.2)], 3: [], 6: [], 9: []})[0] == []
    (track,), _ = follow(pictures, {i: [(standing(i), 0.2)] for i in (6, 9, 12)})
    assert track.first == 0
    assert track.score.max() == pytest.approx(0.2)


def test_weak_finds_before_the_first_strong_one_are_adopted() -> None:
    finds = {3: [(standing(3), 0.2)], 30: [(standing(30), 0.9)]}
    (track,), _ = follow(scene(40, standing), finds, Follow(hold=0.2))
    assert track.why[3 - track.first] is Why.DETECTED
    assert track.why[10 - track.first] is Why.INTERPOLATED


def test_min_finds() -> None:
    pictures, finds = scene(12, standing), {i: [(standing(i), 0.9)] for i in (0, 3)}
    assert len(follow(pictures, finds, Follow(min_finds=2))[0]) == 1
    assert follow(pictures, finds, Follow(min_finds=3))[0] == []


def test_tracks_never_cross_a_cut() -> None:
    pictures = scene(10, standing) + [255 - p for p in scene(10, walking, ground=OTHER)]
    tracks, cuts = follow(pictures, {9: [(standing(9), 0.9)], 10: [(walking(0), 0.9)]})
    assert cuts == [10]
    assert sorted((t.first, t.end) for t in tracks) == [(0, 10), (10, 20)]


def test_the_find_before_a_cut_may_come_late() -> None:
    pictures = scene(10, standing) + scene(10, ground=OTHER)
    (track,), cuts = follow(pictures, {9: [(standing(9), 0.9)]}, late=1)
    assert cuts == [10]
    assert (track.first, track.end) == (0, 10)


@pytest.mark.parametrize("pan", [(0.0, 0.0), (12.0, 0.0), (0.0, -9.0), (25.0, 8.0)])
def test_a_pan_is_no_cut(pan: tuple[float, float]) -> None:
    _, cuts = follow(scene(12, standing, pan=pan), {})
    assert cuts == []


def test_zoom_rotation_and_noise_are_no_cut() -> None:
    rng = np.random.default_rng(0)
    centre = (1.5 * WIDTH, 1.5 * HEIGHT)
    pictures = []
    for i in range(15):
        turn = cv2.getRotationMatrix2D(centre, 1.5 * i, 1 + 0.03 * i) - np.array([[0, 0, WIDTH], [0, 0, HEIGHT]])
        picture = cv2.warpAffine(GROUND, turn, (WIDTH, HEIGHT)) + rng.normal(0, 6, (HEIGHT, WIDTH))
        pictures.append(np.clip(picture, 0, 255).astype(np.uint8))
    assert follow(pictures, {})[1] == []


def test_a_dip_in_brightness_neither_cuts_nor_loses_the_subject() -> None:
    pictures = scene(24, walking)
    for i in range(8, 14):
        pictures[i] = (pictures[i] * 0.35).astype(np.uint8)
    (track,), cuts = follow(pictures, {4: [(walking(4), 0.9)]})
    assert cuts == []
    assert all(holds(at(track, i), walking(i), slack=4) for i in range(24))


def test_a_flash_does_not_end_tracks() -> None:
    pictures = scene(30, walking)
    pictures[12] = np.full((HEIGHT, WIDTH), 250, np.uint8)
    finds: Finds = {6: [(walking(6), 0.9)], 11: [(walking(11), 0.9)], 12: [], 18: [(walking(18), 0.9)]}
    (track,), cuts = follow(pictures, finds)
    assert cuts == [12, 13], "both sides are looked at"
    assert (track.first, track.end) == (0, 30)


def test_black_pictures_and_static_noise() -> None:
    rng = np.random.default_rng(0)
    black = [np.zeros((HEIGHT, WIDTH), np.uint8)] * 6
    noise = [rng.integers(0, 255, (HEIGHT, WIDTH), np.uint8) for _ in range(6)]
    tracks, _ = follow(black + noise, {3: [(standing(3), 0.9)], 8: [(standing(8), 0.9)]})
    assert all(np.isfinite(t.xyxy).all() for t in tracks)
    assert {3, 8} <= {i for t in tracks for i in range(t.first, t.end)}


def facing(side: str, box: Box) -> Box:
    """`box` in the picture that was turned so that its right border lies at `side`."""
    x0, y0, x1, y1 = box
    if side in ("left", "top"):
        x0, x1 = WIDTH - x1, WIDTH - x0
    return (y0, x0, y1, x1) if side in ("top", "bottom") else (x0, y0, x1, y1)


def turned(side: str, picture: Picture) -> Picture:
    """`picture`, turned likewise."""
    picture = picture[:, ::-1] if side in ("left", "top") else picture
    return np.ascontiguousarray(picture.T if side in ("top", "bottom") else picture)


def turned_back(side: str, box: NDArray[np.float32]) -> tuple[float, ...]:
    x0, y0, x1, y1 = box.tolist()
    if side in ("top", "bottom"):
        x0, y0, x1, y1 = y0, x0, y1, x1
    return (WIDTH - x1, y0, WIDTH - x0, y1) if side in ("left", "top") else (x0, y0, x1, y1)


@pytest.mark.parametrize("side", ["right", "left", "bottom", "top"])
def test_a_subject_that_leaves_is_not_squeezed_into_the_picture(side: str) -> None:
    def leaving(i: int) -> Box:
        return (240.0 + 4 * i, 60.0, 290.0 + 4 * i, 120.0)

    def clipped(i: int) -> Box:
        x0, y0, x1, y1 = leaving(i)
        return (x0, y0, min(x1, float(WIDTH)), y1)

    finds = {i: [(facing(side, clipped(i)), 0.9)] for i in range(0, 19, 3)}
    (track,), _ = follow([turned(side, picture) for picture in scene(30, leaving)], finds)
    rows = np.array([turned_back(side, row) for row in track.xyxy])
    sizes = rows[:, 2] - rows[:, 0]
    assert sizes.min() >= 48
    assert sizes.max() <= 62
    assert rows[18 - track.first, 2] > WIDTH + 30
    assert all(holds(rows[i - track.first], clipped(i), slack=2) for i in range(20))
    assert 20 <= track.end <= 24, "it is out of the picture, but not before"


def test_a_subject_comes_back_with_the_camera() -> None:
    def swinging(i: int) -> Box:
        x = 250.0 + 10 * min(i, 20 - i)
        return (x, 60.0, x + 40.0, 110.0)

    def shot(i: int) -> Picture:
        return scene(1, lambda _: swinging(i), ground=np.roll(GROUND, round(swinging(i)[0]), axis=1))[0]

    pictures = [shot(i) for i in range(21)]
    (track,), _ = follow(pictures, {0: [(swinging(0), 0.9)]})
    assert holds(at(track, 20), swinging(20), slack=8)


def test_variable_frame_rate() -> None:
    pts = [0, 1, 2, 3, 53, 54, 55, 56, 57, 58]
    pictures = scene(10, walking)
    (track,), _ = follow(pictures, {6: [(walking(6), 0.9)]}, Follow(hold=1.0), pts=pts)
    assert track.first == 4, "two seconds before the find is more than hold"
    assert track.end == 10


def test_frames_that_share_a_time_are_followed_as_others_are() -> None:
    """As damaged files have them; for a while the picture does not show where the subject is either."""
    pts = [0, 1, 2, 2, 2, 3, 4, 4, 4, 5, 6, 7]
    pictures = scene(12, walking)
    pictures[6:9] = [np.full_like(pictures[0], 9)] * 3
    (track,), _ = follow(pictures, {0: [(walking(0), 0.9)], 11: [(walking(11), 0.9)]}, pts=pts)
    assert (track.first, track.end) == (0, 12)
    assert np.isfinite(track.xyxy).all()
    assert all(holds(at(track, i), walking(i), slack=4) for i in range(5))


@pytest.mark.parametrize("box", [(0.0, 0.0, 14.0, 14.0), (1266.0, 706.0, 1280.0, 720.0), (300.0, 100.0, 340.0, 180.0)])
def test_points_are_spread_over_all_of_a_box(box: Box) -> None:
    """In rows and columns, over the middle 80% either way: so a face turns and grows with what is seen of it."""
    (points,) = _grid(np.array([box]))
    x0, y0, x1, y1 = box
    across, down = (
        [low + share * (high - low) for share in (0.1, 0.3, 0.5, 0.7, 0.9)] for low, high in ((x0, x1), (y0, y1))
    )
    assert sorted(map(tuple, points.round(6).tolist())) == sorted(
        (round(x, 6), round(y, 6)) for x in across for y in down
    )


def test_two_tracks_on_one_subject_become_one() -> None:
    finds = {i: [(standing(i), 0.9), ((142.0, 72.0, 184.0, 122.0), 0.8)] for i in range(0, 20, 3)}
    (track,), _ = follow(scene(20, standing), finds)
    assert holds(at(track, 9), (140, 70, 184, 122))


def test_people_who_pass_keep_a_box_each() -> None:
    left, right = walking, lambda i: (220.0 - 3 * i, 62.0, 260.0 - 3 * i, 112.0)
    pictures = scene(40, left)
    finds = {i: [(left(i), 0.9), (right(i), 0.8)] for i in range(0, 40, 3)}
    tracks, _ = follow(pictures, finds)
    for i in finds:
        for box, _ in finds[i]:
            assert any(t.first <= i < t.end and holds(at(t, i), box, 1e-3) for t in tracks)


def test_a_jittering_detector_never_makes_the_box_too_small() -> None:
    def jittered(i: int) -> Box:
        shrink = 4.0 if i % 2 else 0.0
        x0, y0, x1, y1 = standing(i)
        return (x0 + shrink, y0 + shrink, x1 - shrink, y1 - shrink)

    (track,), _ = follow(scene(20, standing), {i: [(jittered(i), 0.9)] for i in range(20)})
    assert all(holds(at(track, i), standing(i), slack=1) for i in range(20))


def test_settled_pieces_make_the_same_track() -> None:
    pictures, finds = scene(60, walking, pan=(1, 0)), {i: [(walking(i), 0.9)] for i in range(0, 60, 3)}
    whole, _ = follow(pictures, finds)
    tracker, pieces = Tracker(Follow(), HIGH), []
    for i, picture in enumerate(pictures):
        tracker.see(Still(i, picture, i))
        if i in finds:
            tracker.find(i, boxes(finds[i]))
        if i >= 10:
            pieces += tracker.settle(i - 10)
    pieces += tracker.finish()
    assert {p.id for p in pieces} == {0}
    assert np.concatenate([np.arange(p.first, p.end) for p in pieces]).tolist() == list(range(60))
    np.testing.assert_allclose(np.concatenate([p.xyxy for p in pieces]), whole[0].xyxy, atol=0.1)


def test_results_that_come_after_their_frames_were_settled() -> None:
    pictures = scene(30, walking)
    tracker, pieces = Tracker(Follow(), HIGH), []
    for i, picture in enumerate(pictures):
        tracker.see(Still(i, picture, i))
        pieces += tracker.settle(i)
        if i >= 5 and i % 5 == 0:
            tracker.find(i - 5, boxes([(walking(i - 5), 0.9)]))
    pieces += tracker.finish()
    covered = [i for p in pieces for i in range(p.first, p.end)]
    assert covered == sorted(set(covered))
    assert covered[-1] == 29
    assert all(holds(at(p, i), walking(i), slack=6) for p in pieces for i in range(p.first, p.end))


def test_nothing_is_detected_for_a_long_time() -> None:
    (first, second), _ = follow(
        scene(1, standing) * 300, {0: [(standing(0), 0.9)], 299: [(standing(0), 0.9)]}, pts=list(range(0, 1500, 5))
    )
    assert (first.first, second.end) == (0, 300)
    assert first.end < second.first


def test_settling_up_to_the_newest_frame_ends_no_track() -> None:
    tracker, pieces = Tracker(Follow(), HIGH), []
    for i, picture in enumerate(scene(20, walking)):
        tracker.see(Still(i, picture, i))
        if i % 4 == 0:
            tracker.find(i, boxes([(walking(i), 0.9)]))
        pieces += tracker.settle(i + 1)
    pieces += tracker.finish()
    assert {p.id for p in pieces} == {0}
    assert [i for p in pieces for i in range(p.first, p.end)] == list(range(20))


def test_long_tracks_are_packed_and_come_out_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures, finds = scene(60, walking), {i: [(walking(i), 0.9)] for i in range(0, 60, 3)}
    whole, _ = follow(pictures, finds)
    monkeypatch.setattr("anonymize.track.tracker._CHUNK", 12)
    packed, _ = follow(pictures, finds)
    assert [(t.id, t.first, t.why) for t in packed] == [(t.id, t.first, t.why) for t in whole]
    np.testing.assert_allclose(packed[0].xyxy, whole[0].xyxy, atol=0.01)


def test_a_weak_subject_may_become_one_long_after_it_began() -> None:
    weak = {i: [(standing(i), 0.2)] for i in range(0, 400, 30)}
    (track,), _ = follow(scene(1, standing) * 400, weak | {399: [(standing(0), 0.9)]})
    assert (track.first, track.end) == (0, 400)


def test_a_change_of_size_in_mid_stream_is_a_cut() -> None:
    pictures = scene(6, standing) + [Still(0, p, 0).luma(200, 200) for p in scene(6, standing)]
    tracks, cuts = follow(pictures, {3: [(standing(3), 0.9)], 8: [((80.0, 70.0, 110.0, 130.0), 0.9)]})
    assert cuts == [6]
    assert sorted((t.first, t.end) for t in tracks) == [(0, 6), (6, 12)]


def test_frames_out_of_order_and_finds_for_unseen_frames_are_refused() -> None:
    tracker, (picture,) = Tracker(Follow(), HIGH), scene(1)
    tracker.see(Still(0, picture, 0))
    with pytest.raises(ValueError, match="expected index 1, got 3"):
        tracker.see(Still(3, picture, 3))
    with pytest.raises(ValueError, match="frame 7 was not taken"):
        tracker.find(7, Detections.empty())


BOX = st.builds(
    lambda x, y, w, h: (x, y, x + w, y + h),
    st.floats(-30, WIDTH - 4.0), st.floats(-30, HEIGHT - 4.0), st.floats(4, 120), st.floats(4, 120),
)  # fmt: skip
MOVING = [*scene(8, walking, pan=(3, 1)), *scene(8, standing, ground=OTHER)]


@settings(max_examples=40, deadline=None)
@given(
    looks=st.dictionaries(
        st.integers(0, 15), st.lists(st.tuples(BOX, st.sampled_from([0.16, 0.3, 0.4, 0.9])), max_size=4), max_size=8
    ),
    gaps=st.lists(st.integers(0, 30), min_size=16, max_size=16),
    late=st.integers(0, 1),
    hold=st.sampled_from([0.0, 0.1, 1.0]),
)
def test_whatever_is_found(looks: dict[int, list[tuple[Box, float]]], gaps: list[int], late: int, hold: float) -> None:
    """Every strong find lies in a box of its frame; tracks are gapless, finite, and stay within their scene.

    A weak one comes in pieces, each by itself.
    """
    looks = dict(sorted(looks.items()))
    tracks, cuts = follow(MOVING, looks, Follow(hold=hold), np.cumsum(gaps).tolist(), late)
    assert cuts == [8]
    sure = [t for t in tracks if not t.weak]
    assert len({t.id for t in sure}) == len(sure)
    assert {t.id for t in sure}.isdisjoint(t.id for t in tracks if t.weak)
    rows = [(t.id, i) for t in tracks for i in range(t.first, t.end)]
    assert len(set(rows)) == len(rows)
    for track in tracks:
        assert 0 <= track.first < track.end <= 16
        assert not track.first < 8 < track.end
        assert np.isfinite(track.xyxy).all()
        assert (track.xyxy[:, :2] < track.xyxy[:, 2:]).all()
    for index, found in looks.items():
        for box, score in found:
            if score >= HIGH:
                assert any(t.first <= index < t.end and holds(at(t, index), box, 1e-2) for t in tracks)


def test_a_weak_find_counts_where_nothing_could_confirm_it() -> None:
    (track,), _ = follow(scene(1, standing), {0: [(standing(0), 0.3)]})
    assert holds(track.xyxy[0], standing(0))
    (brief,), _ = follow(scene(4, standing), {0: [(standing(0), 0.3)], 3: [(standing(3), 0.3)]})
    assert (brief.first, brief.end) == (0, 4)
    assert follow(scene(4, standing), {0: [], 3: [(standing(3), 0.3)]}) == ([], [])


@pytest.mark.parametrize("find", [0, 15, 40])
def test_hold_covers_its_last_frame_and_no_more(find: int) -> None:
    """10 frames either way, to the frame: nothing like it is seen there, so that only `hold` covers them."""
    pictures = [scene(1, standing if i == find else None)[0] for i in range(41)]
    (track,), cuts = follow(pictures, {find: [(standing(find), 0.9)]}, Follow(hold=0.41))
    assert cuts == []
    assert (track.first, track.end) == (max(find - 10, 0), min(find + 11, 41))


@pytest.mark.parametrize(("shrink", "least", "most"), [(2.0, 39.6, 41.2), (6.0, 31.6, 33.0)])
def test_a_box_grows_to_the_size_of_finds_near_in_time_by_at_most_a_sixth(
    shrink: float, least: float, most: float
) -> None:
    """Ten finds in a row are too small; those in the middle have no larger one beside them, but one within 0.4 s."""

    def found(i: int) -> Box:
        x0, y0, x1, y1 = standing(i)
        by = shrink if 20 <= i < 30 else 0.0
        return (x0 + by, y0 + by, x1 - by, y1 - by)

    (track,), _ = follow(scene(50, standing), {i: [(found(i), 0.9)] for i in range(50)})
    widths = track.xyxy[:, 2] - track.xyxy[:, 0]
    assert all(least <= widths[i - track.first] <= most for i in range(22, 28))
    assert all(39.6 <= widths[i - track.first] <= 41.2 for i in (*range(18), *range(32, 50)))


# A subject that stands still


def passed_by(frames: int, walker: Where, subject: Where = standing) -> list[Picture]:
    """Pictures of what stands still, while something larger walks past before it."""
    pictures = scene(frames, subject)
    coat = texture(64, 64, 5)
    for i, picture in enumerate(pictures):
        x0, y0, x1, y1 = walker(i)
        place = np.array([[(x1 - x0) / 64, 0.0, x0], [0, (y1 - y0) / 64, y0]])
        cv2.warpAffine(coat, place, (WIDTH, HEIGHT), picture, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT)
    return pictures


@pytest.mark.parametrize("way", [1, -1])
def test_who_passes_before_a_subject_that_stands_still_does_not_carry_its_cover_away(way: int) -> None:
    """Covers of parked cars' plates went along with whoever walked past, and the plates were bare behind them."""

    def walker(i: int) -> Box:
        x = 160 + way * (7 * (i - 24)) - 35
        return x, 50.0, x + 70.0, 150.0

    pictures, seen = passed_by(44, walker), [0, 4, 8, 12]
    tracks, _ = follow(pictures, {i: [(standing(i), 0.9)] for i in seen})
    (track,) = tracks
    assert track.end >= 12 + 20, "held as usual"
    assert all(holds(at(track, i), standing(i), 1.0) for i in range(12 + 20))
    found, _ = follow(pictures, {i: [(standing(i), 0.9)] for i in seen} | {40: [(standing(40), 0.3)]})
    assert len(found) == 1, "a weak find where it was before is of the same"
    assert all(holds(at(found[0], i), standing(i), 1.0) for i in range(41))


@pytest.mark.parametrize("way", [1, -1])
def test_somebody_who_is_met_does_not_turn_a_cover_back(way: int) -> None:
    """Two people passed each other, and the cover of the one behind went along with the one in front."""

    def goes(i: int) -> Box:
        x = 160.0 + way * (5.0 * i - 110)
        return x - 20.0, 70.0, x + 20.0, 120.0

    def comes(i: int) -> Box:
        x = 160.0 - way * (7.0 * (i - 20))
        return x - 30.0, 50.0, x + 30.0, 150.0

    pictures, found = passed_by(40, comes, goes), (0, 3, 6, 9, 12, 15)
    tracks, _ = follow(pictures, {i: [(goes(i), 0.9)] for i in found})
    (track,) = tracks
    for i in range(15 + 13):
        x0, y0, x1, y1 = goes(i)  # what of it is to be seen behind the other one
        left, _, right, _ = comes(i)
        before, behind = (max(x0, right), x1) if way > 0 else (x0, min(x1, left))
        assert i < 22 or before >= behind or holds(at(track, i), (before, y0, behind, y1), 1.0), i
    assert not holds(at(track, 29), goes(29), 5.0), "it may have turned after all"
    widths = [at(track, i)[2] - at(track, i)[0] for i in range(12)]
    assert max(widths) < 50, "nor is it wider while it is found"


@pytest.mark.parametrize("way", [1, -1])
@pytest.mark.parametrize(("speed", "score"), [(5.0, 0.9), (5.0, 0.33), (0.0, 0.9)])
def test_who_comes_out_from_behind_somebody_is_covered_before_they_are_found(
    way: int, speed: float, score: float
) -> None:
    """Followed back from their first find, they went along with who had hidden them."""

    def goes(i: int) -> Box:
        x = 160.0 + way * speed * (i - 12)
        return x - 20.0, 70.0, x + 20.0, 120.0

    def comes(i: int) -> Box:
        x = 160.0 - way * 7.0 * (i - 12)
        return x - 30.0, 50.0, x + 30.0, 150.0

    finds = {i: [(goes(i), score)] for i in (16, 19, 22, 25)}
    (track,), _ = follow(passed_by(36, comes, goes), finds)
    for i in range(10, 17):
        x0, y0, x1, y1 = goes(i)  # what of it is to be seen beside the other one
        left, _, right, _ = comes(i)
        visible = [(x0, y0, min(x1, left), y1)] * (left > x0) + [(max(x0, right), y0, x1, y1)] * (right < x1)
        assert all(holds(at(track, i), part, 1.0) for part in visible), i
    assert at(track, 9)[2] - at(track, 9)[0] < 50, "for a quarter of a second"
    (seen,), _ = follow(scene(36, goes), finds)
    assert max(at(seen, i)[2] - at(seen, i)[0] for i in range(10, 25)) < 50, "nor is it wider if it was in sight"


def test_who_was_hidden_once_on_the_way_back_is_covered_where_they_came_from_before_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lost(_tracker: Tracker, _patch: Picture, index: int, _box: Box, _onward: Box) -> bool:
        return index == 15

    def goes(i: int) -> Box:
        x = 160.0 + 5.0 * (i - 12)
        return x - 20.0, 70.0, x + 20.0, 120.0

    def comes(i: int) -> Box:
        x = 160.0 - 7.0 * (i - 12)
        return x - 30.0, 50.0, x + 30.0, 150.0

    monkeypatch.setattr(Tracker, "_lost", lost)
    (track,), _ = follow(passed_by(36, comes, goes), {i: [(goes(i), 0.9)] for i in (16, 19)})
    assert all(holds(at(track, i), goes(i), 1.0) for i in range(10, 16))


@pytest.mark.parametrize(("aside", "far"), [(15.0, False), (30.0, True)])
def test_half_its_side_from_where_it_would_be_a_subject_is_hardly_itself(aside: float, far: bool) -> None:
    box = np.array(standing(0))
    assert apart(box, box + aside * np.array([1.0, 0.0, 1.0, 0.0])) is far
    assert Tracker(Follow(), HIGH)._lost(None, 0, box, box + aside) is far


def test_who_goes_behind_what_stands_is_covered_no_wider() -> None:
    """Nobody led them back: they may have stopped."""

    def goes(i: int) -> Box:
        x = 60.0 + 5.0 * i
        return x, 70.0, x + 40.0, 120.0

    pictures = passed_by(34, lambda _: (150.0, 50.0, 200.0, 150.0), goes)
    (track,), _ = follow(pictures, {i: [(goes(i), 0.9)] for i in range(0, 13, 3)})
    assert max(at(track, i)[2] - at(track, i)[0] for i in range(25)) < 62


def test_who_was_taken_along_once_is_covered_where_they_would_have_gone_until_they_are_found() -> None:
    """The one who took them along looked like them now and then, and on these frames they were bare."""
    box, right = np.array(standing(0)), np.array([1.0, 0.0, 1.0, 0.0])
    subject = Trajectory(0, Kind.FACE, 0, [box], [box], [0.0], {0: 0.9}, 0.0, 1)
    subject.meet(0, box, 0.9, np.array([0.0]), None)
    for step, lost in ((1, False), (2, True), (3, False)):
        ahead = box + 30 * step * right
        subject.advance(box, None, np.zeros(2), 0.0, seen=False, onward=ahead, lost=lost)
        assert subject.cover[-1].tolist() == [140.0, 70.0, 180.0 if step == 1 else 180.0 + 30 * step, 120.0]
    subject.meet(3, box, 0.9, np.array([0.0, 0.04, 0.08, 0.12]), None)
    subject.advance(box, None, np.zeros(2), 0.0, seen=False, onward=box + 30 * right)
    assert subject.cover[-1].tolist() == box.tolist()


@pytest.mark.parametrize(("score", "whole"), [(0.3, True), (0.9, False)])
def test_a_weak_find_beside_what_stands_is_not_its(score: float, whole: bool) -> None:
    """What a look took faintly for a part of a parked car's plate was its cover for a frame."""
    beside = (118.0, 62.0, 148.0, 122.0)
    tracker = Tracker(Follow(), HIGH)
    for i, picture in enumerate(scene(24, standing)):
        tracker.see(Still(i, picture, i))
        if i in (0, 4, 8, 12):
            tracker.find(i, boxes([(standing(i), 0.9) if i < 12 else (beside, score)]))
    first = min(tracker.finish(), key=lambda t: t.first)
    assert bool(at(first, 12)[0] > 130) is whole


@pytest.mark.parametrize(("best", "weak"), [(0.9, True), (0.9, False), (0.6, True)])
def test_one_weak_find_a_little_aside_does_not_show_that_what_stands_moved(best: float, weak: bool) -> None:
    """A plate of which people hid a part was found a little aside; then it went along with who passed."""
    box, right = np.array(standing(0)), np.array([1.0, 0.0, 1.0, 0.0])
    subject = Trajectory(0, Kind.FACE, 0, [box], [box], [0.0], {0: best}, 0.0, 1, stood=5)
    clock = np.array([0.0, 0.12])
    for index, stands in ((1, weak and best > 0.7), (2, False)):
        subject.advance(subject.rows[-1], subject.rows[-1], np.zeros(2), 0.0, seen=True)
        subject.meet(index, box + 10 * index * right, 0.4, clock + 0.12 * (index - 1), None, weak=weak)
        assert subject.stands is stands


def test_a_plate_that_is_found_aside_while_people_pass_stays_covered() -> None:
    plate = (120.0, 88.0, 200.0, 112.0)
    aside = (128.0, 86.0, 206.0, 114.0)

    def walker(i: int) -> Box:
        x = 120 + 6.0 * (i - 20)
        return x - 60.0, 40.0, x, 160.0

    pictures = passed_by(50, walker, lambda _: plate)
    found = {i: [(plate, 0.9)] for i in (0, 4, 8, 12)} | {16: [(aside, 0.4)], 46: [(plate, 0.4)]}
    (track,), _ = follow(pictures, found)
    assert all(holds(at(track, i), (124.0, 88.0, 200.0, 112.0), 1.0) for i in range(47))


def test_a_plate_that_moves_slowly_is_held_where_it_goes() -> None:
    """It moved less than a share of its width, but more than one of its height."""

    def goes(i: int) -> Box:
        return 40.0 + 2.7 * i, 80.0, 120.0 + 2.7 * i, 104.0

    (track,), _ = follow(scene(60, goes), {i: [(goes(i), 0.9)] for i in range(0, 16, 3)})
    assert all(holds(at(track, i), goes(i), 3.0) for i in range(55))


@pytest.mark.parametrize("score", [0.3, 0.6, 0.9])
def test_a_larger_find_of_what_stands_still_is_covered(score: float) -> None:
    larger = (136.5, 66.0, 183.5, 124.0)
    finds = {i: [(standing(i), 0.9)] for i in range(0, 24, 4)} | {24: [(larger, score)]}
    (track,), _ = follow(scene(26, standing), finds)
    assert holds(at(track, 24), larger, 0.1)


@pytest.mark.parametrize(("once", "whole"), [(0.65, False), (0.75, True)])
def test_what_was_never_found_surely_is_covered_as_it_is_found(once: float, whole: bool) -> None:
    """Signs that were taken for plates were covered at the largest size at which they had been found."""
    less = (140.0, 70.0, 166.0, 120.0)
    finds = {i: [(standing(i), once)] for i in (0, 4, 8)} | {i: [(less, 0.3)] for i in range(12, 40, 4)}
    (track,), _ = follow(scene(40, standing), finds)
    assert holds(at(track, 30), standing(30), 1.0) is whole


def test_what_stood_and_walks_off_has_the_pace_at_which_it_walks() -> None:
    box, right = np.array(standing(0)), np.array([8.0, 0.0, 8.0, 0.0])
    subject = Trajectory(0, Kind.FACE, 0, [box], [box], [0.0], {0: 0.9}, 0.0, 1, stood=1)
    for step in range(1, 4):
        subject.advance(box - 20 * step * right / 8, box, np.array([-20.0, 0.0]), 0.0, seen=False)  # somebody passes
    subject.meet(3, box + 3 * right, 0.9, np.array([0.0, 0.04, 0.08, 0.12]), None)
    assert subject.pace is not None
    assert subject.pace == pytest.approx([200.0, 0.0])
    assert subject.stood == 0


def test_what_a_subject_that_stands_scored_once_is_remembered_for_some_finds() -> None:
    """A live stream forgets finds with the frames that it released."""
    half = (140.0, 70.0, 158.0, 120.0)
    tracker = Tracker(Follow(), HIGH, 1)
    for i, picture in enumerate(scene(40, standing)):
        tracker.see(Still(i, picture, i))
        if i % 4 == 0:
            tracker.find(i, boxes([(standing(i) if i < 12 else half, 0.9 if i < 12 else 0.6)]))
        tracker.settle(i - 4)
    (subject,) = tracker._subjects
    assert min(subject.finds) > 12
    assert holds(subject.rows[-1].astype(np.float32), standing(0), 1.0)


@pytest.mark.parametrize("last", [9, 21])
def test_who_turns_back_and_is_seen_or_found_is_covered_there_alone(last: int) -> None:
    def goes(i: int) -> Box:
        x = 100.0 + 5.0 * (i if i < 12 else 24 - i)
        return x - 20.0, 70.0, x + 20.0, 120.0

    (track,), _ = follow(scene(24, goes), {i: [(goes(i), 0.9)] for i in range(0, last + 1, 3)})
    assert all(holds(at(track, i), goes(i), 3.0) for i in range(22))
    assert max(at(track, i)[2] - at(track, i)[0] for i in range(22)) < 54


def test_a_subject_that_stood_still_and_walks_off_is_covered_where_it_goes() -> None:
    def goes(i: int) -> Box:
        x = 40.0 + 4.0 * max(i - 12, 0)
        return x, 70.0, x + 40.0, 120.0

    (track,), _ = follow(scene(34, goes), {i: [(goes(i), 0.9)] for i in (0, 4, 8, 12)})
    assert all(holds(at(track, i), goes(i), 2.0) for i in range(30))


@pytest.mark.parametrize(("score", "whole"), [(0.3, True), (0.6, True), (0.75, False), (0.9, False)])
def test_a_weak_find_of_a_part_of_what_stands_still_leaves_its_cover_whole(score: float, whole: bool) -> None:
    """Somebody stood before a half of it, and the detector found the other half."""
    half = (140.0, 70.0, 158.0, 120.0)
    finds = {i: [(standing(i), 0.9)] for i in (0, 4)} | {8: [(half, score)]}
    (track,), _ = follow(scene(32, standing), finds)
    assert holds(at(track, 26), standing(26), 1.0) is whole


@pytest.mark.parametrize("end", [0, 2])
def test_somebody_who_comes_before_a_plate_bit_by_bit_does_not_take_its_cover_along(end: int) -> None:
    """The detector found less and less of a parked car's plate, which was bare once they had passed."""
    plate = (120.0, 88.0, 200.0, 112.0)

    def visible(hidden: float) -> Box:
        left = list(plate)
        left[end] += hidden if end == 0 else -hidden
        return left[0], left[1], left[2], left[3]

    way = 1 if end == 0 else -1
    start = 120.0 if way > 0 else 200.0

    def walker(i: int) -> Box:
        x = start + way * 4.0 * (i - 12)  # the side that goes first
        return (x - 70.0, 40.0, x, 160.0) if way > 0 else (x, 40.0, x + 70.0, 160.0)

    pictures = passed_by(70, walker, lambda _: plate)
    cut = {i: [(visible(4.0 * (i - 12)), 0.3)] for i in (14, 16, 18, 20, 22, 24, 26)}
    (track,), _ = follow(pictures, {i: [(plate, 0.9)] for i in (0, 4, 8, 12)} | cut | {60: [(plate, 0.3)]})
    assert all(holds(at(track, i), plate, 1.0) for i in range(61))


def test_a_subject_that_walks_off_slowly_is_not_kept_where_it_stood() -> None:
    def goes(i: int) -> Box:
        x = 40.0 + max(i - 12, 0)
        return x, 70.0, x + 40.0, 120.0

    finds = {i: [(goes(i), 0.9 if i <= 12 else 0.3)] for i in range(0, 60, 4)}
    (track,), _ = follow(scene(60, goes), finds)
    assert all(holds(at(track, i), goes(i), 4.1) for i in range(57))
    assert max(at(track, i)[2] - at(track, i)[0] for i in range(57)) < 56


@pytest.mark.parametrize(("parts", "whole"), [(True, True), (False, False)])
def test_a_part_found_at_the_scales_for_small_faces_leaves_the_cover_whole(parts: bool, whole: bool) -> None:
    """Letters of a large plate were found as a plate, and all else of it was bare on that frame of a moving camera."""
    part, tracker = (74.0, 72.0, 98.0, 108.0), Tracker(Follow(), HIGH)

    def goes(i: int) -> Box:
        x = 64.0 + i
        return x, 70.0, x + 40.0, 120.0

    for i, picture in enumerate(scene(30, goes)):
        tracker.see(Still(i, picture, i))
        if i in (0, 4, 12):
            tracker.find(i, boxes([(goes(i), 0.9)]), parts=i == 4)
        elif i == 8:
            tracker.find(i, boxes([(part, 0.9)]), parts=parts)
    (track,) = tracker.finish()
    assert holds(at(track, 8), goes(8), 1.5) is whole


@pytest.mark.parametrize("parts", [True, False])
def test_a_scan_says_which_finds_may_be_parts(parts: bool) -> None:
    def goes(i: int) -> Box:
        return 64.0 + i, 70.0, 104.0 + i, 120.0

    follower, sample = Follower(Settings()), None
    for i, picture in enumerate(scene(20, goes)):
        sample = MotionSample.of(Still(i, picture, i), sample)
        finds = boxes([((74.0, 72.0, 98.0, 108.0) if i == 8 else goes(i), 0.9)])
        look = DetectionResult(i, Fraction(i, 25), finds, parts=parts)
        follower.take(ScannedFrame(i, Fraction(1, 25), sample, (look,) if i % 4 == 0 else ()))
    (track,) = follower.finish().tracks
    assert holds(at(track, 8), goes(8), 1.5) is parts


def test_what_walks_does_not_stand_still_however_evenly_it_is_found() -> None:
    tracker = Tracker(Follow(), HIGH)
    for i, picture in enumerate(scene(30, walking)):
        tracker.see(Still(i, picture, i))
        if i % 4 == 0:
            tracker.find(i, boxes([(walking(i), 0.9)]))
            assert not tracker._subjects[0].stands


@pytest.mark.parametrize(("found", "stood"), [(0.0, 1), (12.0, 0)])
def test_a_subject_stands_still_if_it_is_found_where_it_was_and_not_where_it_was_followed_to(
    found: float, stood: int
) -> None:
    box = np.array(standing(0))
    subject = Trajectory(0, Kind.FACE, 0, [box], [box], [0.0], {0: 0.9}, 0.0, 1)
    aside = np.array([1.0, 0.0, 1.0, 0.0])
    subject.advance(box + 12 * aside, None, np.array([12.0, 0.0]), 0.0, seen=False)
    subject.meet(1, box + found * aside, 0.9, np.array([0.0, 0.04]), None)
    assert subject.stood == stood


def test_what_is_seen_where_it_stands_is_covered_there_alone() -> None:
    box = np.array(standing(0))
    aside = box + np.array([30.0, 0.0, 30.0, 0.0])
    subject = Trajectory(0, Kind.FACE, 0, [box], [box], [0.0], {0: 0.9}, 0.0, 1, stood=1)
    for seen in (False, True):
        subject.advance(aside, box, np.array([30.0, 0.0]), 0.0, seen=seen)
        assert subject.cover[-1].tolist() == [140.0, 70.0, 180.0 if seen else 210.0, 120.0]
        assert subject.followed.tolist() == (box if seen else aside).tolist()
        assert subject.rows[-1].tolist() == box.tolist()


def test_what_was_covered_in_case_it_had_moved_is_not_once_it_is_found_where_it_was() -> None:
    box = np.array(standing(0))
    subject = Trajectory(0, Kind.FACE, 0, [box], [box], [0.0], {0: 0.9}, 0.0, 1, stood=1)
    aside = box + np.array([30.0, 0.0, 30.0, 0.0])
    for _ in range(3):
        subject.advance(aside, box, np.array([10.0, 0.0]), 0.0, seen=False)
    subject.meet(3, box, 0.9, np.array([0.0, 0.04, 0.08, 0.12]), None)
    assert [row.tolist() for row in subject.cover] == [box.tolist()] * 4


def test_with_an_agreement_of_one_a_weak_find_is_covered_at_once() -> None:
    covered = []
    for agree in (AGREE, 1):
        tracker = Tracker(Follow(), HIGH, agree)
        for i, picture in enumerate(scene(20, standing)):
            tracker.see(Still(i, picture, i))
            if i % 4 == 0:
                tracker.find(i, boxes([(standing(i), 0.25)] if i == 8 else []))
        covered.append([i for track in tracker.settle(20) for i in range(track.first, track.end)])
    assert covered[0] == []
    assert {*range(2, 15)} <= {*covered[1]}, "a quarter of a second before and after it"


@pytest.mark.parametrize("place", [0.0, 60.0], ids=["where it is", "where it was"])
def test_a_younger_subject_accompanies_an_elder_where_that_one_is_by_then(place: float) -> None:
    """The elder began on frame 5 at 60 pixels to the right, and is at its place from frame 10 on."""
    box, aside = np.array(standing(0)), np.array([1.0, 0.0, 1.0, 0.0])
    was, here = [box + 60 * aside] * 5, [box] * 5
    elder = Trajectory(0, Kind.FACE, 5, was + here, was + here, [0.0] * 10, {5: 0.9}, 0.0, 15)
    young = [box + place * aside] * 8
    younger = Trajectory(1, Kind.FACE, 10, young, young, [0.0] * 8, {10: 0.9}, 0.0, 18)
    assert elder.accompanies(younger, 0.5) is (place == 0.0)
    assert younger.accompanies(elder, 0.5) is (place == 0.0)


@pytest.mark.parametrize("gap", [0, 14], ids=["back from the first find", "back over a gap"])
def test_subjects_that_are_followed_back_together_go_where_each_goes_alone(gap: int) -> None:
    """They had been carried one by one: a look that found many took a third of a second, in which a stream stood."""

    def moves(i: int) -> Box:
        return (40.0 + 5 * i, 60.0, 72.0 + 5 * i, 92.0)

    def stays(i: int) -> Box:  # but for the camera
        return (250.0 - 2 * i, 120.0, 274.0 - 2 * i, 144.0)

    def grown(i: int) -> Box:  # a part of the one that moves
        return (44.0 + 5 * i, 64.0, 60.0 + 5 * i, 80.0)

    pictures = scene(24, moves, pan=(2.0, 0.0))
    asked = [20 - gap, 20] if gap else [20]

    def tracks(*chosen: Where) -> list[Track]:
        found, _ = follow(pictures, {i: [(one(i), 0.9) for one in chosen] for i in asked})
        return found

    for together in ((moves, stays), (stays, grown)):
        both = tracks(*together)
        assert len(both) == 2
        for one in together:
            (alone,) = tracks(one)
            same = min(both, key=lambda track: float(np.abs(track.xyxy[-1] - alone.xyxy[-1]).max()))
            assert same.first == alone.first
            np.testing.assert_allclose(same.xyxy, alone.xyxy, atol=0.6)
    assert {track.first for track in tracks(moves, stays)} == {0}
