"""Tiles, merging, scales and looks, with detectors that are simple enough to be right."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import hypothesis
import numpy as np
import pytest
import skimage
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from anonymize import settings
from anonymize.cli import values
from anonymize.data import Detections, Kind, Plane
from anonymize.detect import GROUPS, ORDINARY, TURNS, build, detect, registry
from anonymize.detect.merge import fuse, suppress
from anonymize.detect.multiscale import of_groups, scales
from anonymize.detect.tiles import OVERLAP, detect_tiled, tiles
from anonymize.errors import ModelError, UsageError
from anonymize.track.pairs import shares

FACES = frozenset({Kind.FACE})


def found_in(*args: Any, **kwargs: Any) -> Detections:
    return detect(*args, **kwargs).result()


@dataclass
class Bright:
    """Finds bright patches exactly, and notes the sizes of the pictures it was given."""

    name: str = "bright"
    sha256: str = "0" * 64
    device: str = "cpu"
    kinds: frozenset[Kind] = FACES
    min_size: dict[Kind, float] = field(default_factory=lambda: {Kind.FACE: 16.0})
    max_reliable_size: dict[Kind, float] = field(default_factory=dict)
    max_input_side: int = 200
    score: float = 0.9
    kind: Kind = Kind.FACE
    seen: list[tuple[int, int]] = field(default_factory=list)

    def detect(self, picture: NDArray[np.uint8]) -> Detections:
        self.seen.append((picture.shape[1], picture.shape[0]))
        lit = (picture[..., 0] > 127).astype(np.uint8)
        count, _, stats, _ = cv2.connectedComponentsWithStats(lit)
        boxes = [(x, y, x + w, y + h) for x, y, w, h, _ in stats[1:count]]
        return detections([(*box, self.score) for box in boxes], self.kind)

    def release_memory(self) -> None:
        """There is nothing to give back."""


@dataclass
class Still:
    """A frame of one picture."""

    picture: NDArray[np.uint8]
    index: int = 0
    pts: int = 0
    time_base: Fraction = Fraction(1, 25)
    depth: int = 8
    planes: tuple[Plane, ...] = ()
    aspects: tuple[Fraction, ...] = (Fraction(1),)

    @property
    def width(self) -> int:
        return int(self.picture.shape[1])

    @property
    def height(self) -> int:
        return int(self.picture.shape[0])

    def bgr(self, width: int, height: int) -> NDArray[np.uint8]:
        return cv2.resize(self.picture, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8)

    def luma(self, width: int, height: int) -> NDArray[np.uint8]:
        return self.bgr(width, height)[..., 0]

    def writable(self) -> Still:
        return Still(self.picture.copy())


def detections(rows: list[tuple[float, ...]], kind: Kind = Kind.FACE) -> Detections:
    """From rows of x0, y0, x1, y1, score."""
    table = np.array(rows, np.float32).reshape(-1, 5)
    return Detections(table[:, :4], table[:, 4], np.full(len(table), int(kind), np.int8))


def canvas(width: int, height: int, *boxes: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    picture = np.zeros((height, width, 3), np.uint8)
    for x0, y0, x1, y1 in boxes:
        picture[y0:y1, x0:x1] = 255
    return picture


# Tiles


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(150, 1500))
def test_tiles_cover_everything_and_overlap(width: int, height: int, longest: int) -> None:
    parts = tiles(width, height, longest)
    assert all(0 <= t.x0 < t.x1 <= width and 0 <= t.y0 < t.y1 <= height for t in parts)
    assert all(t.x1 - t.x0 <= longest and t.y1 - t.y0 <= longest for t in parts)
    for low, high, length in (("x0", "x1", width), ("y0", "y1", height)):
        spans = sorted({(getattr(t, low), getattr(t, high)) for t in parts})
        assert spans[0][0] == 0
        assert spans[-1][1] == length
        shared = [before[1] - after[0] for before, after in pairwise(spans)]
        assert all(s >= min(OVERLAP, longest // 4) - 1 for s in shared)


def test_tiles_are_few_and_of_one_size() -> None:
    assert len(tiles(1280, 720, 1280)) == 1
    parts = tiles(2560, 1440, 1280)
    assert len(parts) == 6
    assert len({(t.x1 - t.x0, t.y1 - t.y0) for t in parts}) == 1


@hypothesis.settings(deadline=None)  # the first call loads OpenCV's connected components
@given(st.data())
def test_a_thing_cut_by_seams_comes_out_whole(data: st.DataObject) -> None:
    """Whatever its size and place: smaller than the overlap, cut by one seam, by two, or spanning several tiles."""
    width, height = data.draw(st.integers(201, 700)), data.draw(st.integers(150, 500))
    x0, y0 = data.draw(st.integers(0, width - 10)), data.draw(st.integers(0, height - 10))
    x1, y1 = data.draw(st.integers(x0 + 8, width)), data.draw(st.integers(y0 + 8, height))
    found = detect_tiled(Bright(), canvas(width, height, (x0, y0, x1, y1)))
    assert found.xyxy.tolist() == [[x0, y0, x1, y1]]


def test_neighbours_at_a_seam_stay_apart() -> None:
    boxes = ((170, 20, 200, 60), (210, 20, 240, 60), (170, 80, 240, 120), (60, 190, 100, 230), (110, 190, 150, 230))
    found = detect_tiled(Bright(), canvas(400, 400, *boxes))
    assert sorted(map(tuple, found.xyxy.tolist())) == sorted(tuple(map(float, box)) for box in boxes)


def test_a_small_picture_is_one_tile() -> None:
    bright = Bright()
    detect_tiled(bright, canvas(200, 120))
    assert bright.seen == [(200, 120)]


# Merging


def test_overlaps_of_boxes() -> None:
    others = np.array([[5, 0, 15, 10], [2, 2, 4, 4]], np.float32)
    union, inside = shares(np.array([[[0, 0, 10, 10]]], np.float32), others[None, :])
    assert union[0].tolist() == pytest.approx([1 / 3, 0.04])
    assert inside[0].tolist() == pytest.approx([0.5, 1.0])


def test_suppression_keeps_the_best_of_each_kind() -> None:
    faces = detections([(0, 0, 10, 10, 0.5), (1, 0, 11, 10, 0.9), (40, 0, 50, 10, 0.2)])
    plates = detections([(0, 0, 10, 10, 0.4)], Kind.PLATE)
    kept = suppress(Detections.concatenate([faces, plates]))
    assert kept.score.tolist() == pytest.approx([0.9, 0.4, 0.2])
    assert kept.kind.tolist() == [Kind.FACE, Kind.PLATE, Kind.FACE]


def test_fusing_covers_all_that_is_trusted() -> None:
    found = fuse(detections([(0, 0, 10, 10, 0.8), (1, -1, 11, 10, 0.6), (-2, 0, 9, 12, 0.2)]))
    assert found.xyxy.tolist() == [[0, -1, 11, 10]]
    assert found.score.tolist() == pytest.approx([0.8])


def test_a_part_of_a_face_is_that_face_but_a_small_face_before_a_large_one_is_not() -> None:
    half = fuse(detections([(0, 0, 40, 40, 0.8), (0, 0, 40, 18, 0.5)]))
    assert half.xyxy.tolist() == [[0, 0, 40, 40]]
    assert len(fuse(detections([(0, 0, 40, 40, 0.8), (0, 0, 10, 10, 0.5)]))) == 2


def test_fusing_nothing() -> None:
    assert len(fuse(Detections.empty())) == len(suppress(Detections.empty())) == 0


@given(st.lists(st.tuples(*[st.floats(0, 100)] * 2, *[st.floats(1, 60)] * 2, st.floats(0.05, 1)), max_size=12))
def test_fusing_loses_no_good_find(rows: list[tuple[float, ...]]) -> None:
    """Everything found is still met by a box of at least its score, and each score was given by somebody."""
    found = detections([(x, y, x + w, y + h, score) for x, y, w, h, score in rows])
    fused = fuse(found)
    assert set(fused.score.tolist()) <= set(found.score.tolist())
    if len(found):
        _, inside = shares(found.xyxy[:, None], fused.xyxy[None, :])
        better = fused.score[None, :] >= found.score[:, None]
        assert ((inside > 0.3) & better).any(axis=1).all()


# Looks


def test_thousands_of_faint_finds_cost_no_more_than_the_best_of_them():
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 1000, (20_000, 2)).astype(np.float32)
    found = Detections(
        np.hstack([low, low + 3]), rng.uniform(0.05, 0.2, 20_000).astype(np.float32), np.zeros(20_000, np.int8)
    )
    best = Detections(np.array([[5, 5, 60, 80]], np.float32), np.array([0.9], np.float32), np.zeros(1, np.int8))
    kept = suppress(Detections.concatenate([found, best]))
    assert len(kept) <= 1000
    assert kept.score[0] == np.float32(0.9)


@pytest.mark.parametrize(
    ("min_face", "size", "largest", "octaves"),
    [
        (16, (1280, 720), 1, 2),
        (8, (1280, 720), 2, 2),
        (64, (1280, 720), 0.25, 2),
        (16, (2160, 3840), 1, 3),
        (4, (64, 64), 3, 2),
    ],
)
def test_scales_follow_the_smallest_face_and_the_picture(
    min_face: float, size: tuple[int, int], largest: float, octaves: int
) -> None:
    detect = settings.Detect(min_face=min_face)
    steps = scales(Bright(), detect, FACES, size)
    assert steps == pytest.approx([largest / 2 ** (step / 2) for step in range(2 * octaves)])


@pytest.mark.parametrize("steps", [(8, 7, 6, 5), (8, 7, 6, 5, 4, 3), (8, 7, 6, 5, 4, 3, 2, 1)])
def test_turns_share_all_scales(steps: tuple[float, ...]) -> None:
    assert of_groups(steps, GROUPS) == steps
    assert [of_groups(steps, turn) for turn in TURNS] == [steps[0::4], steps[1::2], steps[2::4], steps[1::2]]
    assert of_groups(steps, {0, 1}) == tuple(scale for i, scale in enumerate(steps) if i % 4 < 2)


def test_scales_of_what_is_not_wanted() -> None:
    assert scales(Bright(), settings.Detect(), frozenset({Kind.PLATE}), (640, 360)) == ()


def test_detection_gives_boxes_in_the_frames_pixels() -> None:
    found = found_in(Still(canvas(640, 360, (320, 180, 400, 300))), [Bright()], settings.Detect(), FACES)
    assert found.xyxy == pytest.approx(np.array([[320, 180, 400, 300]]), abs=4)


def test_all_groups_show_more_scales() -> None:
    frame = Still(canvas(640, 360))
    ordinary, every = Bright(), Bright()
    found_in(frame, [ordinary], settings.Detect(), FACES, groups=ORDINARY)
    found_in(frame, [every], settings.Detect(), FACES)
    assert len(every.seen) > len(ordinary.seen)


def test_detectors_share_one_box() -> None:
    detectors = [Bright(score=0.6), Bright(name="other", score=0.8)]
    found = found_in(Still(canvas(200, 200, (50, 50, 100, 100))), detectors, settings.Detect(), FACES, groups=ORDINARY)
    assert found.score.tolist() == pytest.approx([0.8])


def test_what_the_border_cuts_off_counts_for_more() -> None:
    frame = Still(canvas(200, 200, (0, 80, 40, 120), (100, 80, 140, 120)))
    found = found_in(frame, [Bright(score=0.4)], settings.Detect(min_face=16), FACES, groups=ORDINARY)
    assert found.score.tolist() == pytest.approx([0.6, 0.4])
    assert found.xyxy[0, 0] == 0


def plates(name: str, score: float) -> Bright:
    """Finds bright patches and takes them for plates."""
    return Bright(name, kinds=frozenset({Kind.PLATE}), min_size={Kind.PLATE: 16.0}, score=score, kind=Kind.PLATE)


def test_plates_that_the_border_cuts_off_count_for_more_too() -> None:
    frame = Still(canvas(200, 200, (60, 0, 140, 20)))
    found = found_in(frame, [plates("p", 0.34)], settings.Detect(), frozenset({Kind.PLATE}), groups=ORDINARY)
    assert found.score.tolist() == pytest.approx([0.51])


@dataclass
class Given:
    """Finds the same plates in every picture, given in shares of its sides, whatever is in it."""

    rows: list[tuple[float, float, float, float, float]]
    name: str = "given"
    sha256: str = "0" * 64
    kinds: frozenset[Kind] = frozenset({Kind.PLATE})
    min_size: dict[Kind, float] = field(default_factory=lambda: {Kind.PLATE: 16.0})
    max_reliable_size: dict[Kind, float] = field(default_factory=dict)
    max_input_side: int = 2000

    def detect(self, picture: NDArray[np.uint8]) -> Detections:
        height, width = picture.shape[:2]
        return detections(
            [(x0 * width, y0 * height, x1 * width, y1 * height, s) for x0, y0, x1, y1, s in self.rows], Kind.PLATE
        )


@pytest.mark.parametrize(
    ("inner", "left"), [(0.45, [0.45]), (0.3, [0.5, 0.3])], ids=["the van goes", "a plate with letters stays"]
)
def test_a_plate_that_holds_a_plate_is_none(inner: float, left: list[float]) -> None:
    van, plate = (0.2, 0.2, 0.8, 0.8, 0.5), (0.4, 0.6, 0.6, 0.7, inner)
    detector = Given([van, plate])
    found = found_in(Still(canvas(200, 200)), [detector], settings.Detect(), frozenset({Kind.PLATE}), groups=ORDINARY)
    assert found.score.tolist() == pytest.approx(left)


@pytest.mark.parametrize(
    ("box", "reason"),
    [((0, 0, 190, 8), "a stripe is no face"), ((0, 0, 8, 190), "nor is a post")],
)
def test_absurd_boxes_are_dropped(box: tuple[int, int, int, int], reason: str) -> None:
    frame = Still(canvas(200, 200, box))
    assert len(found_in(frame, [Bright()], settings.Detect(min_face=8), FACES, groups=ORDINARY)) == 0, reason


def test_what_is_not_wanted_or_too_faint_is_dropped() -> None:
    frame = Still(canvas(200, 200, (50, 50, 100, 100)))
    both = Bright(kinds=frozenset({Kind.FACE, Kind.PLATE}))
    assert len(found_in(frame, [both], settings.Detect(), frozenset({Kind.PLATE}), groups=ORDINARY)) == 0
    assert len(found_in(frame, [Bright(score=0.1)], settings.Detect(low=0.15), FACES, groups=ORDINARY)) == 0


def test_a_frame_of_one_pixel() -> None:
    assert len(found_in(Still(canvas(1, 1)), build(["centerface"], FACES), settings.Detect(), FACES)) == 0


# Building


def test_plates_without_a_plate_model_are_refused() -> None:
    with pytest.raises(ModelError, match="cannot find plates"):
        build(["centerface"], {Kind.FACE, Kind.PLATE})


def test_an_unknown_detector_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"'retina'.*centerface"):
        build(["retina"], FACES)


def test_a_detector_with_a_kind_finds_that_kind_alone() -> None:
    picture = np.asarray(cv2.imread(str(Path(skimage.__file__).parent / "data" / "astronaut.png")), np.uint8)
    both, plates = (build([name], frozenset({Kind.PLATE}), threads=1)[0] for name in ("argus", "argus:plates"))
    assert Kind.FACE in both.detect(picture).kind
    assert plates.kinds == {Kind.PLATE}
    assert Kind.FACE not in plates.detect(picture).kind


@pytest.mark.parametrize("text", ["argus, argus2 :Heads", " argus,argus2: heads "])
def test_detectors_are_named_as_targets_are_whatever_the_spaces(text: str) -> None:
    named = registry.asked(values.names(text, settings.Settings()) or [])
    assert named == {"argus": {Kind.FACE, Kind.PLATE}, "argus2": {Kind.HEAD}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("argus,", "a word is missing beside a comma"),
        ("argus:", "argus:: argus finds faces and plates"),
        ("argus:plate:face", "argus:plate:face: argus finds faces and plates"),
    ],
)
def test_detectors_with_a_word_missing_are_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        registry.asked(values.names(text, settings.Settings()) or [])


def test_a_detector_named_twice_is_built_once() -> None:
    assert [d.name for d in build(["centerface", "centerface"], FACES, threads=1)] == ["centerface"]
