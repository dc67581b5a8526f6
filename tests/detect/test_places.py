"""The parts of a picture that detectors get where something changed."""

from __future__ import annotations

import numpy as np
import pytest

from anonymize.data import Detections, Kind
from anonymize.detect.changes import BLOCK
from anonymize.detect.places import EACH, MARGINS, WIDE, Margins, dilated, pixels_around, places
from tests.detect.test_detect import Still

WIDTH, HEIGHT = 1288, 724
"""The last blocks of a row and a column are cut off."""
FRAME = Still(np.zeros((HEIGHT, WIDTH, 3), np.uint8))
BLOCKS = -(-HEIGHT // BLOCK), -(-WIDTH // BLOCK)
ALL = [WIDE, *MARGINS.values()]


def changed(*parts: tuple[int, int, int, int]) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    mask = np.zeros(BLOCKS, bool)
    for x0, y0, x1, y1 in parts:
        mask[y0 // BLOCK : -(-y1 // BLOCK), x0 // BLOCK : -(-x1 // BLOCK)] = True
    return mask


def near(x: float, y: float, half: float = 10) -> Detections:
    box = np.array([[x - half, y - half, x + half, y + half]], np.float32)
    return Detections(box, np.ones(1, np.float32), np.full(1, int(Kind.FACE), np.int8))


@pytest.mark.parametrize("margins", ALL, ids=str)
@pytest.mark.parametrize("seed", range(4))
def test_all_that_changed_is_in_the_core_of_a_place_with_its_context(margins: Margins, seed: int) -> None:
    rng = np.random.default_rng(seed)
    corners = [(0, 0), (WIDTH - 1, HEIGHT - 1), *rng.integers((WIDTH, HEIGHT), size=(5, 2)).tolist()]
    mask = changed(*((x, y, x + 1, y + 1) for x, y in corners))
    some = places(mask, Detections.empty(), FRAME, margins)
    covered = np.zeros((HEIGHT, WIDTH), bool)
    for place in some:
        x0, y0, x1, y1 = place.core
        covered[y0:y1, x0:x1] = True
        around = max(x0 - margins.context, 0), max(y0 - margins.context, 0)
        assert place.shown == (*around, min(x1 + margins.context, WIDTH), min(y1 + margins.context, HEIGHT))
        assert 0 <= x0 < x1 <= WIDTH
        assert 0 <= y0 < y1 <= HEIGHT
    wanted = dilated(mask, margins.around).repeat(BLOCK, axis=0).repeat(BLOCK, axis=1)[:HEIGHT, :WIDTH]
    assert (covered | ~wanted).all()
    assert pixels_around(mask, FRAME, margins) == wanted.sum() <= sum(place.pixels for place in some)
    assert not places(changed(), Detections.empty(), FRAME, margins)


def test_a_place_is_parted_where_less_is_looked_at_then_and_only_for_small_faces() -> None:
    """People in a row, and one above: a rectangle around all of them is most of the picture."""
    angle = changed((0, 0, 60, HEIGHT), (0, HEIGHT - 60, WIDTH, HEIGHT))
    (whole,) = places(angle, Detections.empty(), FRAME, WIDE)
    assert whole.pixels == WIDTH * HEIGHT
    for margins in MARGINS.values():
        some = places(angle, Detections.empty(), FRAME, margins)
        assert len(some) == 2
        assert sum(place.pixels for place in some) < 0.5 * whole.pixels - EACH
    (one,) = places(changed((300, 300, 420, 420)), Detections.empty(), FRAME, MARGINS[0])
    assert one.core == (288 - 32, 288 - 32, 432 + 32, 432 + 32)


def test_no_find_on_a_seam_is_in_neither_place() -> None:
    """Two views of a face differ by a pixel or two; its centre must be well within one of them."""
    angle = changed((0, 0, 60, HEIGHT), (0, HEIGHT - 60, WIDTH, HEIGHT))
    one, other = (place.core for place in places(angle, Detections.empty(), FRAME, MARGINS[0]))
    shared = [min(a, b) - max(c, d) for a, b, c, d in zip(one[2:], other[2:], one[:2], other[:2], strict=True)]
    assert min(shared) >= BLOCK


@pytest.mark.parametrize("margins", ALL, ids=str)
def test_a_known_find_that_is_touched_is_looked_at_as_a_whole(margins: Margins) -> None:
    mask = changed((400, 400, 410, 410))
    (place,) = places(mask, near(520, 405, 110), FRAME, margins)
    assert place.core[2] == 630
    assert place.core[1] <= 295
    (apart,) = places(mask, near(900, 405, 110), FRAME, margins)
    assert apart.core[2] < 520
