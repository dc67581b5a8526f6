"""A find of the second look becomes a track: on the frames between its places, and for a while around them."""

import numpy as np
import pytest

from anonymize.data import Box, Kind, Track, Why
from anonymize.verify.doubting import _tracks
from anonymize.verify.verdict import By, Find

WHERE: dict[int, Box] = {10: (0, 0, 20, 20), 14: (8, 4, 28, 24), 40: (100, 50, 120, 70)}


def tracks(where: dict[int, Box], hold: int, frames: int = 60) -> list[Track]:
    first = min(where)
    places = tuple(where.items())
    find = Find(3, Kind.FACE, 0.0, 1.0, where[first], 20.0, 0.4, By.LOOK, first, places=places)
    return list(_tracks(find, 7, 10, hold, frames))


def test_a_find_is_hidden_between_its_places_and_not_where_it_was_gone() -> None:
    near, far = tracks(WHERE, 2)
    assert (near.id, near.first, len(near.xyxy)) == (7, 8, 9)
    assert (far.id, far.first, len(far.xyxy)) == (7, 38, 5)
    assert [why.name[0] for why in near.why] == list("HHDIIIDHH")
    assert [why.name[0] for why in far.why] == list("HHDHH")
    assert set(near.why) == {Why.HELD, Why.DETECTED, Why.INTERPOLATED}
    left, top = [0, 0, 0, 2, 4, 6, 8, 8, 8], [0, 0, 0, 1, 2, 3, 4, 4, 4]
    assert np.allclose(near.xyxy, [(x, y, x + 20, y + 20) for x, y in zip(left, top, strict=True)])
    assert np.allclose(near.score, 0.4)


@pytest.mark.parametrize(("hold", "spans"), [(15, [(0, 30), (30, 56)]), (99, [(0, 40), (40, 60)])])
def test_it_is_held_within_the_video_and_on_no_frame_twice(hold: int, spans: list[tuple[int, int]]) -> None:
    near, far = tracks(WHERE, hold)
    assert [(one.first, one.first + len(one.xyxy)) for one in (near, far)] == spans
    assert tuple(far.xyxy[40 - far.first]) == WHERE[40], "and not where it was held"
