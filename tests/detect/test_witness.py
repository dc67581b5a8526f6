"""The network that is asked about one place: what it is shown of it, and what it says."""

import numpy as np
import pytest
from numpy.typing import NDArray

from anonymize.data import Box, Kind
from anonymize.detect import ASKED_ABOUT, Witness, witness_of
from anonymize.detect.context import witness
from anonymize.detect.context.witness import BATCH, SIDE, SPANS, place
from tests.conftest import face_box, face_pictures
from training.limits import picture_of

SIZES = [(1280, 720), (1920, 1080)]


def bright(box: Box, size: tuple[int, int]) -> NDArray[np.uint8]:
    """A grey picture that is bright in `box`, and brighter in the left half of its top."""
    picture = np.full((size[1], size[0], 3), 60, np.uint8)
    x0, y0, x1, y1 = (round(v) for v in box)
    picture[max(0, y0) : y1, max(0, x0) : x1] = 160
    picture[max(0, y0) : (y0 + y1) // 2, max(0, x0) : (x0 + x1) // 2] = 250
    return picture


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("side", [14, 40, 96, 300])
@pytest.mark.parametrize("kind", sorted(ASKED_ABOUT))
@pytest.mark.parametrize("corner", [(0.5, 0.5), (0, 0), (1, 0), (0, 1), (1, 1)])
def test_a_find_is_shown_in_the_middle_and_in_one_size_wherever_it_is(
    size: tuple[int, int], side: int, kind: Kind, corner: tuple[float, float]
) -> None:
    wide, high = (2 * side, side) if kind is Kind.PLATE else (side, side)
    x, y = (round(share * (length - own)) for share, length, own in zip(corner, size, (wide, high), strict=True))
    box = (x, y, x + wide, y + high)
    shown = place(bright(box, size), kind, np.array(box, np.float32))[..., 0]
    rows, columns = np.nonzero(shown > 110)
    across = SIDE / SPANS[kind]
    assert np.ptp(columns) + 1 == pytest.approx(across, abs=2.5)
    assert np.ptp(rows) + 1 == pytest.approx(across * high / wide, abs=2.5)
    assert columns.mean() == pytest.approx(SIDE / 2 - 0.5, abs=1.5)
    assert rows.mean() == pytest.approx(SIDE / 2 - 0.5, abs=1.5)
    brighter = np.nonzero(shown > 205)
    assert brighter[0].mean() < SIDE / 2 - 2
    assert brighter[1].mean() < SIDE / 2 - 2
    if corner == (0, 0):
        assert (shown[:5] == 0).all(), "there is nothing beyond the border"
        assert (shown[:, :5] == 0).all()


def test_a_flat_plate_is_shown_by_its_width_and_a_high_one_by_its_height() -> None:
    for wide, high, share in ((120, 20, 1.0), (60, 60, 1 / 1.5)):
        box = (600, 300, 600 + wide, 300 + high)
        shown = place(bright(box, (1280, 720)), Kind.PLATE, np.array(box, np.float32))[..., 0]
        assert np.ptp(np.nonzero(shown > 110)[1]) + 1 == pytest.approx(share * SIDE / SPANS[Kind.PLATE], abs=2)


def test_fine_patterns_of_a_large_find_are_averaged() -> None:
    rows, columns = np.indices((720, 1280))
    checked = np.repeat((255 * ((rows + columns) % 2)).astype(np.uint8)[..., None], 3, axis=2)
    shown = place(checked, Kind.FACE, np.array((560, 280, 640, 360), np.float32))
    assert 110 < shown.min() <= shown.max() < 145


@pytest.fixture(scope="module")
def network() -> Witness:
    made = witness_of(1)
    assert made is not None
    return made


def test_it_sees_a_face_where_one_is_and_neither_a_plate_there_nor_a_face_beside(network: Witness) -> None:
    picture = np.ascontiguousarray(face_pictures()[5][..., ::-1])
    face = face_box(5)
    beside = tuple(v + (130 if n % 2 == 0 else 0) for n, v in enumerate(face))
    boxes = np.array([face, face, face, beside, beside], np.float32)
    kinds = [Kind.FACE, Kind.HEAD, Kind.PLATE, Kind.FACE, Kind.HEAD]
    face_seen, head_seen, plate_seen, *nothing = network.sees(picture, kinds, boxes).tolist()
    assert 0.9 < face_seen <= 1
    assert 0.9 < head_seen <= 1
    assert plate_seen < 0.1
    assert max(nothing) < 0.1


def test_it_sees_a_plate_where_one_is_and_no_face_there(network: Witness) -> None:
    picture, plate = picture_of(64, 1.0, np.random.default_rng(3))
    kinds = [Kind.PLATE, Kind.FACE, Kind.HEAD]
    plate_seen, *nobody = network.sees(picture, kinds, np.repeat(plate, 3, axis=0)).tolist()
    assert 0.8 < plate_seen <= 1
    assert max(nobody) < 0.2


@pytest.mark.parametrize("box", [(-30, 100, -5, 120), (1290, 100, 1310, 120), (5, 730, 30, 745), (600, -40, 630, 0)])
@pytest.mark.parametrize("kind", sorted(ASKED_ABOUT))
def test_what_lies_outside_of_the_picture_is_seen_by_nobody(network: Witness, box: Box, kind: Kind) -> None:
    picture = np.full((720, 1280, 3), 90, np.uint8)
    assert network.sees(picture, [kind], np.array([box], np.float32)).tolist() == [0]
    assert network.sees(picture, [], np.zeros((0, 4), np.float32)).tolist() == []


def test_of_many_places_each_gets_its_own_answer(network: Witness) -> None:
    """More than it is shown at once, one of them outside."""
    picture = np.ascontiguousarray(face_pictures()[5][..., ::-1])
    boxes = np.array([[n, 10, n + 20, 30] for n in range(BATCH + 8)], np.float32)
    boxes[3], boxes[BATCH + 2] = (-40, 10, -10, 30), face_box(5)
    seen = network.sees(picture, [Kind.FACE] * len(boxes), boxes)
    one_by_one = [network.sees(picture, [Kind.FACE], box[None])[0] for box in boxes]
    assert seen.tolist() == pytest.approx(one_by_one, abs=1e-4)
    assert seen[3] == 0
    assert seen.argmax() == BATCH + 2


def test_a_mirrored_place_gets_the_same_answer(network: Witness) -> None:
    """Of a place beside a face, of which the network by itself says .2 of the one and .7 of the other."""
    picture = np.ascontiguousarray(face_pictures()[5][..., ::-1])
    x0, y0, x1, y1 = face_box(5)
    x0, y0, x1, y1 = x0 + 30, y0 + 20, x1 + 30, y1 + 20
    mirrored = np.ascontiguousarray(picture[:, ::-1])
    other = (picture.shape[1] - x1, y0, picture.shape[1] - x0, y1)
    one, same = (
        network.sees(shown, [Kind.FACE], np.array([box], np.float32))[0]
        for shown, box in ((picture, (x0, y0, x1, y1)), (mirrored, other))
    )
    assert one == pytest.approx(same, abs=0.05)


def test_its_memory_is_given_back_and_it_goes_on(network: Witness) -> None:
    picture, box = np.ascontiguousarray(face_pictures()[0][..., ::-1]), np.array([face_box(0)], np.float32)
    before = network.sees(picture, [Kind.FACE], box)
    network.release_memory()
    assert network.sees(picture, [Kind.FACE], box) == pytest.approx(before)


def test_it_is_asked_about_what_it_has_answers_for() -> None:
    assert set(witness.SPANS) == ASKED_ABOUT == {Kind.HEAD, Kind.FACE, Kind.PLATE}
