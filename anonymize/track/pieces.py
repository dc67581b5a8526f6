"""Pieces of tracks: cutting and joining them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby, pairwise

import numpy as np

from anonymize.data import Track


def cut_to(track: Track, start: int, stop: int) -> Track | None:
    """The part of a track on the frames ``start <= index < stop``; None if there is none."""
    first, end = max(track.first, start), min(track.end, stop)
    if first >= end:
        return None
    rows = slice(first - track.first, end - track.first)
    return replace(track, first=first, xyxy=track.xyxy[rows], score=track.score[rows], why=track.why[rows])


def joined(pieces: Iterable[Track]) -> list[Track]:
    """Join consecutive pieces of each subject; all by first frame. Its last piece decides whether it is weak."""
    tracks: list[Track] = []
    for _, group in groupby(sorted(pieces, key=lambda t: (t.id, t.first)), key=lambda t: t.id):
        parts = list(group)
        ends = [i for i in range(1, len(parts)) if parts[i - 1].end != parts[i].first]
        for first, end in pairwise([0, *ends, len(parts)]):
            some = parts[first:end]
            tracks.append(
                replace(
                    some[0],
                    xyxy=np.concatenate([p.xyxy for p in some]),
                    score=np.concatenate([p.score for p in some]),
                    why=tuple(why for p in some for why in p.why),
                    weak=parts[-1].weak,
                )
            )
    return sorted(tracks, key=lambda t: (t.first, t.id))


def united(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The union of half-open spans, which are ascending, as the fewest spans."""
    first = end = 0
    for start, stop in spans:
        if start > end:
            if end > first:
                yield first, end
            first = start
        end = max(end, stop)
    if end > first:
        yield first, end
