"""Who is who among very many: the same as where all are held against all, without its cost."""

from __future__ import annotations

from collections.abc import Iterator

import lap
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from anonymize.data import Detections, Kind, Track
from anonymize.settings import Follow
from anonymize.track import Tracker, associate
from anonymize.track.associate import grown, match
from anonymize.track.pairs import connected, iou
from tests.track.test_track import HIGH, OTHER, Still, boxes, texture

Floats = NDArray[np.float64]


def table(a: Floats, b: Floats) -> Floats:
    """(N, M) intersection over union of all pairs."""
    side = np.maximum(np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2]), 0)
    common = side.prod(axis=2)
    area = (a[:, 2:] - a[:, :2]).prod(axis=1)[:, None] + (b[:, 2:] - b[:, :2]).prod(axis=1)[None]
    return np.asarray(common / np.maximum(area - common, 1e-9))


def closeness(expected: Floats, slack: Floats, found: Floats, least: float = 0.2) -> Floats:
    """(N, M) buffered intersection over union, 0 where it is less than `least`."""
    close = [table(grown(expected[i : i + 1], s), grown(found, s)) for i, s in enumerate(slack)]
    whole = np.concatenate([np.zeros((0, len(found))), *close])
    return np.where(whole < least, 0, whole)


def plain_match(expected: Floats, slack: Floats, found: Floats, least: float = 0.2) -> list[tuple[int, int]]:
    close = closeness(expected, slack, found, least)
    if not close.size:
        return []
    _, columns, _ = lap.lapjv(1 - close, extend_cost=True)
    return [(r, c) for r, c in enumerate(columns.tolist()) if c >= 0 and close[r, c] > 0]


def plain_overlapping(a: Floats, b: Floats, least: float) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    one, other = np.nonzero(table(a, b) >= least)
    yield one, other


def scattered(rng: np.random.Generator, count: int, picture: tuple[float, float]) -> Floats:
    corner = rng.uniform(0, 1, (count, 2)) * picture
    return np.hstack([corner, corner + rng.uniform(6, 40, (count, 2))])


@given(
    seed=st.integers(0, 1 << 32), counts=st.tuples(st.integers(0, 40), st.integers(0, 40)), side=st.integers(30, 900)
)
def test_pairs_are_those_that_fit_best_of_all(seed: int, counts: tuple[int, int], side: int) -> None:
    rng = np.random.default_rng(seed)
    expected, found = (scattered(rng, count, (side, side / 2)) for count in counts)
    near = min(counts) // 2
    found[:near] = expected[:near] + rng.normal(0, 2, (near, 4))
    slack = rng.uniform(0.2, 0.55, len(expected))
    assert match(expected, slack, found) == plain_match(expected, slack, found)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3)), max_size=14), st.integers(0, 14))
def test_where_several_choices_fit_as_well_one_of_them_is_taken(places: list[tuple[int, int]], subjects: int) -> None:
    corners = 8.0 * np.array(places).reshape(-1, 2)
    squares = np.hstack([corners, corners + 16])
    expected, found = squares[:subjects], squares[subjects:]
    slack, close = np.full(len(expected), 0.2), closeness(expected, np.full(len(expected), 0.2), found)
    pairs, plain = match(expected, slack, found), plain_match(expected, slack, found)
    assert sum(close[pair] for pair in pairs) == pytest.approx(sum(close[pair] for pair in plain))
    assert len({r for r, _ in pairs}) == len({c for _, c in pairs}) == len(pairs)
    assert pairs == match(expected, slack, found)


@pytest.mark.parametrize("seed", range(10))
def test_of_very_many_that_hang_together_the_closest_are_paired_first(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(associate, "MOST", 1)
    rng = np.random.default_rng(seed)
    expected, found, slack = scattered(rng, 30, (80, 60)), scattered(rng, 25, (80, 60)), rng.uniform(0.2, 0.5, 30)
    left, plain = closeness(expected, slack, found), []
    while left.max() > 0:
        row, column = np.unravel_index(int(left.argmax()), left.shape)
        plain.append((int(row), int(column)))
        left[row, :] = left[:, column] = 0
    assert match(expected, slack, found) == sorted(plain)


@given(st.integers(1, 30), st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=40), st.integers(0, 40))
def test_what_is_connected_has_its_smallest_number(count: int, pairs: list[tuple[int, int]], cut: int) -> None:
    pairs = [(a % count, b % count) for a, b in pairs]
    group = np.arange(count)
    for some in (pairs[:cut], pairs[cut:]):
        one, other = np.array(some, np.intp).reshape(-1, 2).T
        group = connected(group, one, other)
    plain = list(range(count))
    for _ in range(count):
        for a, b in pairs:
            plain[a] = plain[b] = min(plain[a], plain[b])
    assert group.tolist() == plain


def looks(seed: int) -> list[Detections]:
    """Looks at faces that jitter, many of them at one place; some are new at each look, some weak, some plates."""
    rng = np.random.default_rng(seed)
    stay, kinds = scattered(rng, 40, (240, 120)), rng.integers(0, 2, 40)
    found = []
    for _ in range(6):
        seen = rng.uniform(size=40) < 0.8
        xyxy = np.vstack([stay[seen] + rng.normal(0, 1.5, (seen.sum(), 4)), scattered(rng, 8, (240, 120))])
        kind = np.concatenate([kinds[seen], rng.integers(0, 2, 8)])
        score = rng.uniform(0.1, 0.9, len(xyxy))
        found.append(Detections(xyxy.astype(np.float32), score.astype(np.float32), kind.astype(np.int64)))
    return found


def tracked(found: list[Detections]) -> list[Track]:
    tracker = Tracker(Follow(), HIGH)
    for i, finds in enumerate(found):
        tracker.see(Still(i, GROUND, i))
        tracker.find(i, finds)
    return tracker.finish()


GROUND = texture(320, 180, 7)


@pytest.mark.parametrize("seed", range(4))
def test_tracks_are_those_of_all_held_against_all(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr("anonymize.track.pairs.PAIRS", 200)
    tracks = tracked(looks(seed))
    monkeypatch.setattr("anonymize.track.tracker.match", plain_match)
    monkeypatch.setattr("anonymize.track.tracker.overlapping", plain_overlapping)
    plain = tracked(looks(seed))
    assert len(tracks) > 20
    assert [(t.id, t.kind, t.first, t.why) for t in tracks] == [(t.id, t.kind, t.first, t.why) for t in plain]
    for one, other in zip(tracks, plain, strict=True):
        assert one.xyxy.tobytes() == other.xyxy.tobytes()
        assert one.score.tobytes() == other.score.tobytes()


@pytest.mark.parametrize("score", [0.9, 0.2])
def test_subjects_far_apart_are_not_compared(monkeypatch: pytest.MonkeyPatch, score: float) -> None:
    """Twice as many finds in twice the picture: twice the work, not four times."""
    compared: list[int] = []
    plain = iou

    def counted(a: Floats, b: Floats) -> Floats:
        compared.append(len(a))
        return plain(a, b)

    monkeypatch.setattr(associate, "iou", counted)
    monkeypatch.setattr("anonymize.track.tracker._MOST_WEAK", 1000)
    work = []
    for count in (200, 400):
        compared.clear()
        rng = np.random.default_rng(2)
        corner = np.stack([40.0 * np.arange(count), rng.uniform(0, 30, count)], axis=1)
        squares = np.hstack([corner, corner + 24])
        tracker = Tracker(Follow(), HIGH)
        picture = texture(40 * count, 60, 3)
        for i in range(3):
            tracker.see(Still(i, picture, i))
            finds = (squares + rng.normal(0, 0.5, squares.shape)).astype(np.float32)
            kind = np.full(count, Kind.FACE, np.int64)
            tracker.find(i, Detections(finds, np.full(count, score, np.float32), kind))
        assert len(tracker.finish()) == count
        work.append(sum(compared))
    assert work[0] > 200
    assert work[1] < 3 * work[0]
    assert work[1] < 20 * 400


def test_weak_finds_of_a_short_scene_are_numbered_in_their_order() -> None:
    tracker = Tracker(Follow(), HIGH)
    row = np.array([[12.0 * i, 50, 12 * i + 10, 62] for i in range(24)])
    score = np.linspace(0.3, 0.2, 24).astype(np.float32)
    tracker.see(Still(0, GROUND, 0))
    tracker.find(0, Detections(row.astype(np.float32), score, np.full(24, Kind.FACE, np.int64)))
    other = np.asarray(OTHER[:180, :320])
    for i in range(1, 20):
        tracker.see(Still(i, other, i))
    tracker.find(19, Detections.empty())
    tracks = sorted(tracker.finish(), key=lambda t: t.id)
    assert len(tracks) == 24
    assert [float(t.xyxy[0, 0]) for t in tracks] == sorted(float(t.xyxy[0, 0]) for t in tracks)


def test_a_weak_find_where_a_subject_is_begins_no_other() -> None:
    tracker = Tracker(Follow(), HIGH)
    subject, beside = (50, 50, 90, 90), (150, 50, 190, 90)
    for i, finds in enumerate([[(subject, 0.9)], [(subject, 0.9), ((52, 50, 92, 90), 0.2), (beside, 0.2)]]):
        tracker.see(Still(i, GROUND, i))
        tracker.find(i, boxes(finds))
    assert len(tracker._subjects) == 2
