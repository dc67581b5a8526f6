"""What is covered of photos on which every head is labelled."""

import json
from pathlib import Path

import numpy as np
import pytest

from anonymize.data import Kind, Region, Shape, Why
from anonymize.presets import load
from anonymize.settings import Redact
from benchmarks.photos import SETS, Counts, measure, photos
from tests.conftest import astronaut
from tests.helpers.media import make_image
from training.geometry import as_boxes
from training.sources import Example, kept_for_dev

FACE, HEAD, PLATE = 0, 1, 3
LABELLED = Example(
    "a.webp",
    "oid_person",
    640,
    480,
    as_boxes([[100, 100, 140, 150], [92, 80, 148, 156], [300, 100, 312, 115], [500, 400, 540, 460]]),
    (FACE, HEAD, HEAD, HEAD),
    as_boxes([[0, 400, 100, 480]]),
    (HEAD,),
    views=("", "front", "back", "back"),
)


def cover(x0: float, y0: float, x1: float, y1: float, kind: Kind = Kind.HEAD) -> Region:
    return Region((x0, y0, x1, y1), kind, Why.DETECTED, shape=Shape.BOX)


def counted(*regions: Region) -> Counts:
    counts = Counts()
    counts.add(LABELLED, regions, Redact())
    return counts


def test_a_face_counts_from_four_fifths_on_and_a_head_of_16_px_from_three_fifths() -> None:
    made = counted(cover(100, 100, 140, 140), cover(500, 400, 540, 436)).boxes
    assert made == {"face": [1, 1], "head": [1, 2], "head front": [0, 1], "head back": [1, 1]}
    made = counted(cover(100, 100, 140, 139), cover(500, 400, 540, 435)).boxes
    assert made == {"face": [0, 1], "head": [0, 2], "head front": [0, 1], "head back": [0, 1]}


@pytest.mark.parametrize(
    ("box", "false"),
    [
        ((110, 190, 120, 212), 0),  # the head ends at 156, and its label grown by 60% at 201.6
        ((110, 190, 120, 214), 1),
        ((90, 430, 108, 440), 0),  # in an ignored area
        ((90, 430, 112, 440), 1),
        ((300, 92, 304, 94), 0),  # at a head too small to count
    ],
)
def test_a_cover_is_false_if_its_centre_is_far_from_every_head_and_ignored_area(
    box: tuple[float, float, float, float], false: int
) -> None:
    assert counted(cover(*box)).false == false
    assert counted(cover(*box, kind=Kind.PLATE)).false == 0


def test_a_photo_is_planned_as_detect_does_it(tmp_path: Path) -> None:
    """The one of several whose name keeps it from training; its face is covered, and nothing else."""
    (tmp_path / "people" / "images").mkdir(parents=True)
    portrait = astronaut()
    rows = []
    for number in range(40):
        name = f"images/oid_person_{number:04}.png"
        label = {"kind": "head", "xyxy": [165, 20, 275, 175], "ignore": False, "view": "front"}
        size = {"width": portrait.shape[1], "height": portrait.shape[0]}
        said = {"source": SETS[0], "boxes": [label], "labels": "heads: all from 8 px on, by eye"}
        rows.append({"image": name, **size, **said})
    (tmp_path / "people" / "annotations.jsonl").write_text("\n".join(map(json.dumps, rows)))
    for folder in ("plates", "faces"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "annotations.jsonl").write_text("")
    kept = [*photos(tmp_path)]
    assert 0 < len(kept) < 20
    assert all(map(kept_for_dev, kept))
    for example in kept:
        make_image(tmp_path / example.image, picture=np.ascontiguousarray(portrait))
    made = measure(tmp_path, load("default").settings)
    assert made.as_dict() == {
        "photos": len(kept),
        "covered": {"head": [len(kept)] * 2, "head front": [len(kept)] * 2},
        "false covers a photo": 0.0,
    }
