"""Our network of any edition: the file says its kinds, and a kind has a box of its own or shares one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anonymize import models
from anonymize.data import Box, Detections, Kind
from anonymize.detect import argus
from anonymize.detect.argus import Argus, decode, kinds_of, with_bodies
from anonymize.detect.detector import Picture
from anonymize.errors import ModelError
from anonymize.models import Bodies, registry
from tests.helpers.networks import edition
from training import decode as training
from training.sources import KINDS

SECOND = (Kind.FACE, Kind.HEAD, Kind.PERSON, Kind.PLATE)
BLUE, GREEN, RED, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
Install = Callable[[bytes, Sequence[Kind]], Argus]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Makes a network the registered `yunet`, which is a file of the user's, and loads it as one of our editions."""
    monkeypatch.setenv("ANONYMIZE_MODELS", str(tmp_path))

    def made(content: bytes, kinds: Sequence[Kind]) -> Argus:
        entry = replace(
            models.find("yunet"), kinds=tuple(kinds), sha256=hashlib.sha256(content).hexdigest(), size=len(content)
        )
        monkeypatch.setitem(registry._registry(), "yunet", entry)
        (tmp_path / entry.file).write_bytes(content)
        return Argus("yunet", threads=1)

    return made


def with_cells(size: tuple[int, int], *cells: tuple[int, int, tuple[int, int, int]]) -> Picture:
    """A black picture of `size` (width, height) with cells of 4 x 4 pixels, each at a column and row in a colour."""
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    for column, row, colour in cells:
        picture[4 * row : 4 * row + 4, 4 * column : 4 * column + 4] = colour
    return picture


def test_the_first_edition_says_nothing_and_knows_faces_and_plates(install: Install) -> None:
    net = install(edition(), [Kind.FACE, Kind.PLATE])
    found = net.detect(with_cells((64, 32), (3, 4, BLUE), (10, 4, GREEN)))
    assert net.kinds == {Kind.FACE, Kind.PLATE}
    assert net.max_reliable_size == {Kind.PLATE: 128.0}
    assert sorted(zip(found.kind.tolist(), found.xyxy.tolist(), strict=True)) == [
        (Kind.FACE, [6, 10, 22, 26]),
        (Kind.PLATE, [34, 10, 50, 26]),
    ]


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080), (61, 47)])
def test_the_second_edition_has_a_box_of_its_own_for_each_kind(install: Install, size: tuple[int, int]) -> None:
    """Also where a face, its head and its body have their middle in one place, and at the border."""
    net = install(edition([kind.label for kind in SECOND], sides=(2, 4, 12, 3)), SECOND)
    last = (size[0] - 4) // 4
    found = net.detect(with_cells(size, (2, 3, BLUE), (6, 3, GREEN), (0, 0, RED), (last, 9, WHITE)))
    assert net.kinds == set(SECOND)
    assert net.min_size.keys() == set(SECOND)
    x = 4 * last + 2
    assert sorted(zip(found.kind.tolist(), found.xyxy.tolist(), strict=True)) == [
        (Kind.FACE, [6, 10, 14, 18]),
        (Kind.PLATE, [x - 6, 32, x + 6, 44]),
        (Kind.HEAD, [18, 6, 34, 22]),
        (Kind.PERSON, [-22, -22, 26, 26]),
    ]


def test_nothing_is_found_where_nothing_is(install: Install) -> None:
    net = install(edition([kind.label for kind in SECOND]), SECOND)
    found = net.detect(with_cells((96, 64)))
    assert (len(found), found.xyxy.shape) == (0, (0, 4))


def test_kinds_stand_in_the_order_of_the_file(install: Install) -> None:
    net = install(edition(["plate", "face", "person"], sides=(3, 2, 9)), [Kind.FACE, Kind.PERSON, Kind.PLATE])
    found = net.detect(with_cells((64, 64), (8, 8, BLUE)))
    assert (found.kind.tolist(), found.xyxy.tolist()) == ([Kind.PLATE], [[28, 28, 40, 40]])


def test_a_file_with_other_kinds_than_the_registry_says_is_not_used(install: Install) -> None:
    with pytest.raises(ModelError, match=r"'yunet' finds face, head, which is not what the registry says"):
        install(edition(["face", "head"]), [Kind.FACE, Kind.PLATE])


@pytest.mark.parametrize("said", ["face,hat", "", "area", "face,face", "face, head", "x" * 5000, "face\n"])
def test_a_file_with_kinds_that_argus_cannot_find_is_refused(said: str) -> None:
    with pytest.raises(ModelError, match=r"names the kinds .{1,90}: expected some of face, head, person, plate"):
        kinds_of({"kinds": said}, "argus")


def test_heads_in_a_crowd_are_compared_with_heads_alone() -> None:
    """700 persons with a head each are more than are compared at once (`merge.MOST`)."""
    scores, distances = np.zeros((4, 140, 240), np.float32), np.zeros((16, 140, 240), np.float32)
    scores[1:3, ::6, ::8] = [[[0.4]], [[0.8]]]
    found = decode(scores, distances, SECOND)
    assert [(found.kind == kind).sum() for kind in (Kind.HEAD, Kind.PERSON)] == [720, 720]
    assert np.all(np.diff(found.score) <= 0)


def test_training_reads_the_second_edition_as_the_product_does() -> None:
    """But for the scores of heads, which it leaves as they are."""
    names = KINDS
    rng = np.random.default_rng(4)
    scores = np.where(rng.random((len(names), 32, 32)) > 0.98, rng.random((len(names), 32, 32)), 0).astype(np.float32)
    distances = rng.normal(1, 0.3, (4 * len(names), 32, 32)).astype(np.float32)
    boxes, score, kinds = training.decode(scores, distances, names)
    product = decode(scores, distances, tuple(map(Kind.of, names)))
    assert len(boxes) == len(product) > 10 * len(names)
    np.testing.assert_allclose(score, product.score, rtol=1e-5)
    np.testing.assert_allclose(boxes, product.xyxy, rtol=1e-4, atol=1e-3)
    assert [KINDS[k] for k in kinds] == [Kind(int(k)).label for k in product.kind]


def test_a_score_means_the_same_for_every_kind() -> None:
    scores, distances = np.zeros((4, 8, 8), np.float32), np.zeros((16, 8, 8), np.float32)
    scores[:, 3, 3] = 0.5
    powers = models.find("argus2").powers
    found = decode(scores, distances, SECOND, powers)
    assert powers.keys() == {Kind.HEAD, Kind.PLATE}
    assert dict(zip(found.kind.tolist(), found.score.tolist(), strict=True)) == pytest.approx(
        {kind: 0.5 ** powers.get(kind, 1.0) for kind in SECOND}
    )
    assert models.find("argus").powers == argus.POWERS


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)])
@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ((-24, -4, 40, 140), True),  # cut off by the border, as the head is
        ((100, 0, 140, 120), False),  # somebody else's
        ((-10, -60, 30, 60), False),  # whose middle the head is
        ((-4, 0, 22, 24), False),  # no larger than the head
        ((-24, 30, 40, 180), False),  # whose box begins far below
    ],
)
def test_a_head_on_nobody_counts_for_less(size: tuple[int, int], body: Box, kept: bool) -> None:
    """At each corner of the picture."""
    bodies = Bodies(person=0.2, share=0.7)
    for x, y in ((0, 0), (size[0] - 18, 0), (0, size[1] - 18), (size[0] - 18, size[1] - 18)):
        head = (x, y, x + 18, y + 18)
        boxes = [head, (body[0] + x, body[1] + y, body[2] + x, body[3] + y), (x + 3, y + 5, x + 14, y + 16)]
        kinds = [Kind.HEAD, Kind.PERSON, Kind.FACE]
        for person, heard in ((0.2, kept), (0.19, False)):
            found = Detections(np.array(boxes), np.array([0.5, person, 0.5]), np.array(kinds))
            judged = with_bodies(found, bodies)
            assert judged.score[judged.kind == Kind.HEAD] == pytest.approx(0.5 if heard else 0.35)
            assert judged.score[judged.kind == Kind.FACE] == pytest.approx(0.5)
            assert np.all(np.diff(judged.score) <= 0)
