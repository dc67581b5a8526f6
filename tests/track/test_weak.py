"""Subjects that few or faint finds speak for: covered where they were found, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from anonymize import media
from anonymize.data import Box, Detections, Kind, Track, Why
from anonymize.presets import load
from anonymize.recorded import passes
from anonymize.settings import Follow, Settings
from anonymize.track import Tracker
from anonymize.track.history import MotionSample
from anonymize.track.motion import WorkingPicture
from anonymize.track.subject import Trajectory
from anonymize.track.tracker import AGREE
from tests.detect.test_detect import Bright
from tests.helpers.media import make_video
from tests.track.test_track import HIGH, OTHER, Finds, Still, at, follow, holds, scene, standing

STRICT = Follow(hold=1.5, bridge=3.0)
LONG = scene(1, standing) * 101
ELSEWHERE: Box = (20.0, 20.0, 50.0, 60.0)


def looked(finds: Finds, frames: int = 101, every: int = 4) -> dict[int, Sequence[tuple[Box, float]]]:
    """`finds`, and looks that found nothing: every fourth frame and the last."""
    return dict(sorted({**{i: [] for i in [*range(0, frames, every), frames - 1]}, **finds}.items()))


def covered(tracks: Sequence[Track]) -> list[int]:
    return sorted(i for t in tracks for i in range(t.first, t.end))


@pytest.mark.parametrize(
    ("index", "frames"),
    [(40, range(34, 47)), (0, range(7)), (100, range(94, 101)), (4, range(11)), (96, range(90, 101))],
    ids=["in the middle", "first", "last", "second", "last but one"],
)
def test_a_lone_faint_find_is_covered_for_a_quarter_of_a_second_either_way(index: int, frames: range) -> None:
    tracks, _ = follow(LONG, looked({index: [(standing(0), 0.36)]}), STRICT)
    assert covered(tracks) == list(frames)
    assert [t.weak for t in tracks] == [True]
    assert tracks[0].why[index - tracks[0].first] is Why.DETECTED
    assert all(holds(at(tracks[0], i), standing(0)) for i in frames)


def test_two_faint_finds_far_apart_are_not_bridged() -> None:
    tracks, _ = follow(LONG, looked({i: [(standing(0), 0.36)] for i in (20, 72)}), STRICT)
    assert [(t.first, t.end) for t in tracks] == [(14, 27), (66, 79)]
    assert len({t.id for t in tracks}) == 1, "one doubt, not two"
    assert all(t.weak for t in tracks)


def test_faint_finds_that_come_together_are_covered_for_longer() -> None:
    tracks, _ = follow(LONG, looked({i: [(standing(0), 0.36)] for i in (40, 44, 52)}), STRICT)
    assert [(t.first, t.end, t.weak) for t in tracks] == [(22, 71, True)], "0.65 s for each point of 1.08"


def test_no_detection_is_too_far_away() -> None:
    """Where looks are farther apart than that, it is covered to the looks before and after."""
    tracks, _ = follow(LONG, looked({48: [(standing(0), 0.36)]}, every=12), STRICT)
    assert covered(tracks) == list(range(36, 61))


@pytest.mark.parametrize(
    ("score", "indices"),
    [(0.85, (40,)), (0.5, (40, 44)), (0.4, (40, 44, 52, 64)), (0.49, (40, 48, 60, 68)), (0.38, range(40, 56, 4))],
)
def test_finds_that_agree_are_held_and_bridged(score: float, indices: Sequence[int]) -> None:
    tracks, _ = follow(LONG, looked({i: [(standing(0), score)] for i in indices}), STRICT)
    assert [(t.first, t.end, t.weak) for t in tracks] == [(0, 101, False)]


@pytest.mark.parametrize(
    ("score", "indices", "reach"),
    [
        (0.49, (40,), 8),
        (0.84, (40,), 14),
        (0.84, (100,), 14),
        (0.84, (0,), 14),
        (0.5, (8, 60), 8),
        (0.49, (36, 44, 56, 68), 24),
        (0.37, (40, 44, 52, 64), 24),
    ],
)
def test_a_little_less_is_weak(score: float, indices: Sequence[int], reach: int) -> None:
    tracks, _ = follow(LONG, looked({i: [(standing(0), score)] for i in indices}), STRICT)
    assert all(t.weak for t in tracks)
    reached = {j for i in indices for j in range(i - reach, i + reach + 1)}
    assert covered(tracks) == sorted(reached & set(range(101)))


def test_what_becomes_sure_late_is_covered_from_its_first_find_on() -> None:
    tracks, _ = follow(LONG, looked({8: [(standing(0), 0.4)], 60: [(standing(0), 0.9)]}), STRICT)
    assert [(t.first, t.end, t.weak) for t in tracks] == [(0, 101, False)]


def test_a_weak_subject_takes_nothing_from_a_sure_one_beside_it() -> None:
    sure = {i: [(standing(0), 0.9)] for i in range(0, 101, 4)}
    alone, _ = follow(LONG, looked(sure), STRICT)
    both, _ = follow(LONG, looked(sure | {48: [(standing(0), 0.9), (ELSEWHERE, 0.36)]}), STRICT)
    of = {t.weak: t for t in both}
    assert (of[True].first, of[True].end) == (42, 55)
    assert (of[False].first, of[False].end, of[False].why) == (0, 101, alone[0].why)
    np.testing.assert_array_equal(of[False].xyxy, alone[0].xyxy)


def test_plates_likewise() -> None:
    def plates(rows: Sequence[tuple[Box, float]]) -> Detections:
        xyxy = np.array([box for box, _ in rows], np.float32).reshape(-1, 4)
        return Detections(xyxy, np.array([score for _, score in rows], np.float32), np.full(len(rows), Kind.PLATE))

    def tracks(finds: Finds) -> list[Track]:
        tracker = Tracker(STRICT, HIGH)
        for i, picture in enumerate(LONG):
            tracker.see(Still(i, picture, i))
            if i in finds:
                tracker.find(i, plates(finds[i]))
        return tracker.finish()

    assert covered(tracks(looked({40: [(standing(0), 0.36)]}))) == list(range(34, 47))
    often = looked({i: [(standing(0), 0.38)] for i in (40, 44, 48, 52)})
    assert covered(tracks(often)) == list(range(34, 59)), "a sign is one at every look: it becomes no plate by that"
    (sure,) = tracks(looked({40: [(standing(0), 0.6)]}))
    assert (sure.kind, sure.first, sure.end, sure.weak) == (Kind.PLATE, 0, 101, False)


def test_a_cut_ends_it_though_the_next_detection_comes_after() -> None:
    pictures = [*scene(1, standing) * 20, *scene(1, standing, ground=OTHER) * 20]
    tracks, cuts = follow(pictures, looked({12: [(standing(0), 0.4)], 24: [(ELSEWHERE, 0.4)]}, frames=40, every=12))
    assert cuts == [20]
    assert [(t.first, t.end) for t in tracks] == [(0, 20), (20, 37)]


@pytest.mark.parametrize(("score", "weak"), [(0.9, False), (0.5, False), (0.4, True)])
def test_in_a_single_picture_the_score_decides(score: float, weak: bool) -> None:
    (track,), _ = follow(scene(1, standing), {0: [(standing(0), score)]})
    assert (track.first, track.end, track.weak) == (0, 1, weak)


def test_nothing_found_is_nothing_weak() -> None:
    assert follow(LONG, looked({})) == ([], [])


@pytest.mark.parametrize("late", [0, 6])
def test_while_it_runs_a_weak_subject_is_covered_as_far_as_it_is_known_in_time(late: int) -> None:
    """Live: frames are taken out ten frames later, whatever is known by then."""
    finds = looked({40: [(standing(0), 0.36)]})
    tracker, pieces = Tracker(STRICT, HIGH), []
    for i, picture in enumerate(LONG):
        tracker.see(Still(i, picture, i))
        if i - late in finds:
            tracker.find(i - late, _faces(finds[i - late]))
        if i >= 10:
            pieces += tracker.settle(i - 10)
    pieces += tracker.finish()
    assert covered(pieces) == list(range(34 + late // 6, 47))


def test_packed_or_not_it_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    finds = looked({i: [(standing(0), 0.36)] for i in (8, 40, 72)})
    whole, _ = follow(LONG, finds, STRICT)
    monkeypatch.setattr("anonymize.track.tracker._CHUNK", 12)
    packed, _ = follow(LONG, finds, STRICT)
    assert [(t.id, t.first, t.why, t.weak) for t in packed] == [(t.id, t.first, t.why, t.weak) for t in whole]
    assert covered(whole) == sorted({j for i in (8, 40, 72) for j in range(i - 6, i + 7)})


def _faces(rows: Sequence[tuple[Box, float]]) -> Detections:
    xyxy = np.array([box for box, _ in rows], np.float32).reshape(-1, 4)
    return Detections(xyxy, np.array([score for _, score in rows], np.float32), np.full(len(rows), Kind.FACE))


@pytest.mark.parametrize(("score", "frames"), [(0.45, range(35, 50)), (0.9, range(5, 80))], ids=["faint", "strong"])
def test_detect_covers_what_one_detection_shows_briefly_unless_it_is_strong(
    tmp_path: Path, score: float, frames: range
) -> None:
    """By the strict preset, through all of the first pass: what is bright on frames 41 to 43 is found on frame 42."""
    dark = np.repeat(scene(1)[0][..., None] // 3, 3, axis=2)
    lit = dark.copy()
    lit[70:120, 140:180] = 220
    clip = make_video(tmp_path / "a.mkv", frames=[lit if 41 <= i <= 43 else dark for i in range(101)], codec="ffv1")
    settings = replace(load("journalist").settings, targets=frozenset({Kind.FACE}))
    with media.open_source(clip) as source:
        plan, _ = passes.detect(source, settings, [Bright(score=score)], "0" * 64)
    assert sorted(i for first, end, _ in plan.regions.rows() for i in range(first, end)) == list(frames)


@pytest.mark.parametrize("flash", [[], [10], [10, 11], [9, 10, 11, 12]])
def test_a_flash_before_does_not_change_how_a_short_scene_is_judged(flash: list[int]) -> None:
    """A face that every detection of a short scene found stays covered."""

    def textured(seed: int) -> WorkingPicture:
        noise = np.random.default_rng(seed).integers(0, 255, (45, 80)).astype(np.uint8)
        return WorkingPicture(np.asarray(cv2.resize(noise, (640, 360), interpolation=cv2.INTER_CUBIC), np.uint8))

    scenes = [0] * 20 + [1] * 4 + [2] * 20
    box = np.array([[300, 100, 360, 180]], np.float32)
    face = Detections(box, np.array([0.3], np.float32), np.array([Kind.FACE], np.int8))
    tracker = Tracker(Settings().follow, Settings().detect.high)
    for index, number in enumerate(scenes):
        picture = textured(100 + index if index in flash else number)
        tracker.take(MotionSample(index, index / 25, picture, np.ones(4)))
        if index in (0, 9, 10, 11, 12, 13, 19, 20, 23, 24, 29, 34, 39, 43):
            tracker.find(index, face if index in (20, 23) else Detections.empty())
    assert [(track.first, track.end) for track in tracker.finish()] == [(20, 24)]


@pytest.mark.parametrize(
    ("high", "scores", "faces", "heads"),
    [
        (0.5, (0.24, 0.24, 0.24), True, False),
        (0.5, (0.24, 0.25, 0.24), True, True),
        (0.3, (0.34,), True, False),
        (0.3, (0.35,), True, True),
    ],
    ids=["three weak ones", "one of them better", "one alone", "a strong one"],
)
@pytest.mark.parametrize("agree", [AGREE, 1], ids=["file", "live"])
def test_of_weak_heads_that_agree_one_is_better(
    high: float, scores: Sequence[float], faces: bool, heads: bool, agree: int
) -> None:
    for kind, kept in ((Kind.FACE, faces), (Kind.HEAD, heads or agree == 1)):
        tracker = Tracker(Follow(), high, agree)
        for i in range(41):
            tracker.see(Still(i, LONG[i], i))
            if i % 4 == 0:
                rows = [(standing(0), scores[i // 4 - 5])] if 0 <= i // 4 - 5 < len(scores) else []
                found = _faces(rows)
                tracker.find(i, replace(found, kind=np.full(len(rows), kind, np.int64)))
        assert bool(tracker.finish()) is kept


@pytest.mark.parametrize(("score", "kept"), [(0.24, False), (0.25, True)])
def test_in_a_single_picture_a_head_needs_as_much(score: float, kept: bool) -> None:
    tracker = Tracker(Follow(), 0.5)
    tracker.see(Still(0, LONG[0], 0))
    tracker.find(0, replace(_faces([(standing(0), score)]), kind=np.array([Kind.HEAD], np.int64)))
    assert bool(tracker.finish()) is kept
    assert bool(tracker.faint()) is not kept, "a person may be asked about it"


@pytest.mark.parametrize(
    ("scores", "step", "kept"),
    [
        ((0.16,) * 3, 3, False),
        ((0.16,) * 4, 3, True),
        ((0.16,) * 4, 12, False),
        ((0.2,) * 3, 3, True),
        ((0.16, 0.16, 0.29), 3, True),
        ((0.34, 0.34), 3, False),
    ],
    ids=["three", "four", "four that come too late", "three of what all presets take", "one of them better", "two"],
)
@pytest.mark.parametrize("agree", [AGREE, 1], ids=["file", "live"])
def test_finds_that_are_fainter_than_most_presets_take_must_be_more(
    scores: Sequence[float], step: int, kept: bool, agree: int
) -> None:
    tracker = Tracker(STRICT, HIGH, agree)
    finds = {20 + step * i: [(standing(0), score)] for i, score in enumerate(scores)}
    for i in range(101):
        tracker.see(Still(i, LONG[i], i))
        if i in finds or i % 4 == 0:
            tracker.find(i, _faces(finds.get(i, [])))
    assert bool(tracker.finish()) is (kept or agree == 1)


@pytest.mark.parametrize("sure", [True, False])
def test_not_all_between_two_weak_finds_far_apart_is_covered(sure: bool) -> None:
    """A cup was taken for a face, weakly, then a hand beside it: two thirds of the picture were covered between."""
    box, right = np.array([300.0, 200.0, 460.0, 400.0]), np.array([1.0, 0.0, 1.0, 0.0])
    subject = Trajectory(0, Kind.FACE, 0, [box], [box], [0.0], {0: 0.2}, 0.0, 1, stood=2, sure=sure)
    for index in range(1, 11):
        subject.advance(box + 40 * index * right, box, 40 * right[:2], 0.01, seen=False)
    assert subject.cover[-1][2] == 860, "it may have stayed or gone, and both is covered while nothing is found"
    subject.meet(10, box + 480 * right, 0.2, np.linspace(0.0, 0.4, 11), None, weak=True)
    wide = [cover[2] - cover[0] for cover in subject.cover[1:10]]
    assert max(wide) > 480 if sure else max(wide) <= 1.6 * 160 + 1e-6
    assert all(
        cover[0] <= row[0] and cover[2] >= row[2] for cover, row in zip(subject.cover, subject.rows, strict=True)
    )
