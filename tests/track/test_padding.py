"""From a box to what is drawn on a frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from anonymize.data import Box, Shape
from anonymize.settings import Appearance
from anonymize.track import outline
from anonymize.track.padding import undrawn

SIZES = st.floats(1, 400)
PLACES = st.floats(-200, 1400)
BOXES = st.builds(lambda x, y, w, h: (x, y, x + w, y + h), PLACES, PLACES, SIZES, SIZES)


@given(BOXES, st.floats(0, 1), st.sampled_from([Shape.BOX, Shape.ELLIPSE]))
def test_what_is_drawn_holds_the_unpadded_box(box: Box, padding: float, shape: Shape) -> None:
    x0, y0, x1, y1 = outline(box, Appearance(padding=padding, shape=shape), 1280, 720)
    if shape is Shape.BOX:
        assert x0 <= box[0] + 1e-3
        assert y0 <= box[1] + 1e-3
        assert x1 >= box[2] - 1e-3
        assert y1 >= box[3] - 1e-3
        return
    for x in (box[0], box[2]):
        for y in (box[1], box[3]):
            dx, dy = (2 * x - x0 - x1) / (x1 - x0), (2 * y - y0 - y1) / (y1 - y0)
            assert dx * dx + dy * dy <= 1 + 1e-6


@given(st.floats(0, 1))
def test_an_ellipse_whose_corners_do_not_matter_is_padded_as_a_box_is_and_by_a_tenth_at_least(padding: float) -> None:
    box = (600.0, 300.0, 640.0, 360.0)
    ellipse = outline(box, Appearance(shape=Shape.ELLIPSE, padding=padding, corners=False), 1280, 720)
    plain = outline(box, Appearance(shape=Shape.BOX, padding=max(padding, 0.1)), 1280, 720)
    assert ellipse == pytest.approx(plain)


@given(
    st.lists(BOXES, min_size=1, max_size=3),
    st.floats(0, 1),
    st.sampled_from([Shape.BOX, Shape.ELLIPSE]),
    st.booleans(),
)
@example([(10.0, 10.0, 50.0, 70.0)], 0.0, Shape.ELLIPSE, False)
def test_what_was_drawn_is_undone(some: list[Box], padding: float, shape: Shape, corners: bool) -> None:
    """Of boxes away from the border, which are drawn as they are: the picture is large, and they are in its middle."""
    boxes = np.array(some) + 10_000.0
    look = Appearance(padding=padding, shape=shape, corners=corners)
    drawn = np.array([outline(tuple(box), look, 40_000, 40_000) for box in boxes.tolist()])
    np.testing.assert_allclose(undrawn(drawn, look), boxes, atol=1e-6)


@given(BOXES, st.floats(0, 1))
def test_padding_is_a_share_of_the_side_at_least(box: Box, padding: float) -> None:
    x0, y0, x1, y1 = outline(box, Appearance(padding=padding, shape=Shape.BOX), 1280, 720)
    assert x1 - x0 >= (1 + 2 * padding) * (box[2] - box[0]) - 1e-3
    assert y1 - y0 >= (1 + 2 * padding) * (box[3] - box[1]) - 1e-3


@pytest.mark.parametrize(
    ("box", "side", "limit"),
    [((0, 50, 40, 90), 0, -20), ((10, 1, 50, 41), 1, -20), ((1240, 9, 1280, 49), 2, 1300), ((9, 690, 49, 719), 3, 733)],
)
def test_a_box_at_the_border_reaches_past_it(box: Box, side: int, limit: float) -> None:
    drawn = outline(box, Appearance(padding=0, shape=Shape.BOX), 1280, 720)
    assert drawn[side] <= limit if side < 2 else drawn[side] >= limit
