"""The networks' outputs, made by hand, become the boxes they stand for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from anonymize.data import Kind
from anonymize.detect import argus, centerface, yunet
from anonymize.detect.detector import FLOOR, finds, padded


def test_centerface_box() -> None:
    heat = np.zeros((8, 10), np.float32)
    size, offset = np.zeros((2, 8, 10), np.float32), np.zeros((2, 8, 10), np.float32)
    heat[3, 5], heat[3, 6] = 0.9, 0.4  # the neighbour is the same face, less well seen
    size[:, 3, 5] = np.log([5.0, 4.0])
    offset[:, 3, 5] = 0.25, -0.5
    found = centerface.decode(heat, size, offset)
    assert found.score.tolist() == pytest.approx([0.9])
    assert found.xyxy[0] == pytest.approx([20 - 8, 15 - 10, 20 + 8, 15 + 10])


def test_centerface_ignores_what_is_below_the_floor() -> None:
    heat = np.full((4, 4), FLOOR / 2, np.float32)
    assert len(centerface.decode(heat, np.zeros((2, 4, 4), np.float32), np.zeros((2, 4, 4), np.float32))) == 0


def test_yunet_box() -> None:
    cls, obj, bbox = (np.zeros((1, 12, n), np.float32) for n in (1, 1, 4))
    cls[0, 6], obj[0, 6] = 0.9, 0.4
    bbox[0, 6] = 0.5, 0.25, np.log(2), np.log(3)
    found = yunet.decode(cls, obj, bbox, stride=8, columns=4)
    assert found.score.tolist() == pytest.approx([0.36**0.75])
    assert found.xyxy[0] == pytest.approx([20 - 8, 10 - 12, 20 + 8, 10 + 12])


def test_impossible_boxes_are_dropped() -> None:
    boxes = np.array([[0, 0, 1, 1], [0, 0, np.inf, 1], [np.nan, 0, 1, 1], [2, 0, 1, 1]], np.float32)
    found = finds(boxes, np.array([1.0001, 0.5, 0.5, 0.5], np.float32), Kind.FACE)
    assert found.xyxy.tolist() == [[0, 0, 1, 1]]
    assert found.score.tolist() == [1]


def test_argus_boxes_reach_from_the_cell_as_far_as_its_distances_say() -> None:
    scores, distances = np.zeros((2, 8, 8), np.float32), np.zeros((4, 8, 8), np.float32)
    scores[1, 3, 2] = 0.5
    distances[:, 3, 2] = np.log([2.5, 1.0, 2.5, 2.0])
    found = argus.decode(scores, distances)
    np.testing.assert_allclose(found.xyxy, [[0, 10, 20, 22]], atol=1e-4)
    assert found.kind.tolist() == [Kind.PLATE]
    assert found.score[0] == pytest.approx(0.5**0.75)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_padding_keeps_pixels_in_place(dtype: type[Any]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (33, 5, 3), np.uint8)
    blob = padded(picture, 32, dtype)
    assert blob.dtype == dtype
    assert blob.shape == (1, 3, 64, 32)
    assert np.array_equal(blob[0, :, :33, :5], picture.transpose(2, 0, 1))
    assert blob.sum() == picture.sum()
