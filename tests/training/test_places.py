"""What the witness learns of the finds in a labelled picture."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from anonymize.data import Detections, Kind
from anonymize.detect import Detector
from training.geometry import as_boxes
from training.places import ANYWHERE, FACE, HEAD, LEAST, LOOKS, PLATE, Answers, Find, places, read_finds, write_finds
from training.sources import Example

BOTH = (FACE, HEAD)


def street(
    *labels: tuple[int, list[float], str],
    whole: tuple[int, ...] = (FACE, HEAD, PLATE),
    ignored: tuple[tuple[int, list[float]], ...] = (),
    source: str = "oid_person",
) -> Example:
    """A picture of 640 x 480 pixels with these labels: kind, box, view."""
    return Example(
        "a.png",
        source,
        640,
        480,
        as_boxes([box for _, box, _ in labels]),
        tuple(kind for kind, _, _ in labels),
        as_boxes([box for _, box in ignored]),
        tuple(kind for kind, _ in ignored),
        whole,
        tuple(view for _, _, view in labels),
    )


def said(example: Example, kind: int, *box: float) -> Answers | None:
    """What is known of a find."""
    x0, y0, x1, y1 = box
    known = [
        one.answers for one in places(example, [Find((x0, y0, x1, y1), kind, 0.5, "argus2")]) if one.by == "argus2"
    ]
    return known[0] if known else None


HEAD_BOX, FACE_BOX = [100.0, 100.0, 140.0, 150.0], [108.0, 115.0, 132.0, 146.0]


@pytest.mark.parametrize(("view", "face"), [("front", 1), ("profile", 1), ("covered", 1), ("back", 0), ("", -1)])
def test_of_a_head_its_view_says_whether_a_face_is_to_be_seen(view: str, face: int) -> None:
    seen = street((HEAD, HEAD_BOX, view))
    assert said(seen, HEAD, 102, 98, 143, 149) == (1, face, 0)
    assert said(seen, FACE, *FACE_BOX) == (1, face, 0)
    assert [one.answers for one in places(seen, []) if one.by != ANYWHERE] == [(1, face, 0)]


def test_a_labelled_face_in_a_head_shows_it_whatever_its_view() -> None:
    seen = street((HEAD, HEAD_BOX, ""), (FACE, FACE_BOX, ""))
    assert said(seen, HEAD, *HEAD_BOX) == (1, 1, 0)
    assert said(street((HEAD, HEAD_BOX, ""), (FACE, [300, 300, 320, 330], "")), HEAD, *HEAD_BOX) == (1, -1, 0)


def test_a_find_of_a_head_around_a_labelled_face_is_one() -> None:
    assert said(street((FACE, FACE_BOX, ""), whole=(FACE,)), HEAD, *HEAD_BOX) == (1, 1, 0)
    assert said(street((FACE, FACE_BOX, ""), whole=(FACE,)), FACE, 106, 112, 134, 148) == (1, 1, 0)


@pytest.mark.parametrize(
    ("box", "answer"),
    [
        ((300, 100, 340, 150), (0, 0, -1)),  # far from everybody
        ((120, 120, 160, 170), None),  # at their neck
        ((112, 122, 120, 128), (0, 0, -1)),  # an eye of them is no head, and no face
        ((95, 90, 160, 220), None),  # them, roughly
        ((20, 20, 420, 420), (0, 0, -1)),  # much larger than anybody in it
        ((300, 100, 305, 150), None),  # too narrow to teach anything
    ],
)
def test_what_is_far_from_everybody_is_nobody_and_what_is_near_says_nothing(
    box: tuple[float, ...], answer: Answers | None
) -> None:
    for kind in BOTH:
        assert said(street((HEAD, HEAD_BOX, "front")), kind, *box) == answer


def test_where_not_everybody_is_labelled_a_find_elsewhere_says_nothing() -> None:
    everywhere = [0.0, 0.0, 640.0, 480.0]
    some = street((HEAD, HEAD_BOX, "front"), whole=(PLATE,), ignored=((HEAD, everywhere), (FACE, everywhere)))
    assert said(some, HEAD, 300, 100, 340, 150) is None
    assert said(some, HEAD, *HEAD_BOX) == (1, 1, 0)
    faces = street((FACE, FACE_BOX, ""), whole=(FACE, PLATE))
    assert said(faces, FACE, 300, 100, 330, 140) == (-1, 0, -1), "no face; whether a head, nobody knows"
    drawn = street((HEAD, HEAD_BOX, "front"), ignored=((HEAD, [290.0, 90.0, 350.0, 160.0]),))
    assert said(drawn, FACE, 300, 100, 340, 150) is None


def test_what_a_person_saw_to_be_nobody_is_learnt() -> None:
    seen = replace(street((HEAD, HEAD_BOX, "back")), nobody=as_boxes([[300, 300, 340, 350]]))
    known = [one for one in places(seen, []) if one.by != ANYWHERE]
    assert [(one.kind, one.answers) for one in known] == [(HEAD, (1, 0, 0)), (HEAD, (0, 0, -1))]


@pytest.mark.parametrize(
    ("box", "answer"),
    [
        ((205, 301, 262, 318), (0, 0, 1)),
        ((400, 300, 460, 320), (-1, -1, 0)),
        ((190, 290, 290, 350), (0, 0, 1)),  # more than it, which hides it
        ((150, 250, 300, 400), None),  # the vehicle's end around it
        ((240, 305, 255, 335), None),  # a part of it
        ((500, 100, 540, 112), None),  # in an area in which nothing counts
        ((400, 300, 410, 303), None),  # too narrow
    ],
)
def test_of_plates_a_find_is_one_or_is_far_from_all(box: tuple[float, ...], answer: Answers | None) -> None:
    parked = street((PLATE, [200, 300, 260, 320], ""), ignored=((PLATE, [490, 90, 560, 120]),), source="romania")
    assert said(parked, PLATE, *box) == answer
    others = replace(parked, whole=(FACE, HEAD), source="oid_person")
    assert said(others, PLATE, 400, 300, 460, 320) is None


def test_places_that_nobody_found_are_learnt_too_where_nothing_is() -> None:
    """Of each kind one in a picture, the same each time; near somebody, and where nobody knows, none."""
    many = [replace(street((HEAD, HEAD_BOX, "front")), image=f"{n}.png") for n in range(60)]
    drawn = [[one for one in places(example, []) if one.by == ANYWHERE] for example in many]
    assert drawn == [[one for one in places(example, []) if one.by == ANYWHERE] for example in many]
    answers = Counter((one.kind, one.answers) for some in drawn for one in some)
    assert answers.keys() == {(FACE, (0, 0, -1)), (HEAD, (0, 0, -1)), (PLATE, (-1, -1, 0))} | (
        answers.keys() & {(FACE, (1, 1, 0)), (HEAD, (1, 1, 0))}
    )
    assert min(answers[FACE, (0, 0, -1)], answers[HEAD, (0, 0, -1)], answers[PLATE, (-1, -1, 0)]) > 25
    widths = [one.box[2] - one.box[0] for some in drawn for one in some]
    assert min(widths) < 60
    assert max(widths) > 300
    unknown = street(whole=(), ignored=((HEAD, [0, 0, 640, 480]), (FACE, [0, 0, 640, 480])))
    assert not [one for n in range(20) for one in places(replace(unknown, image=f"{n}.png"), [])]


class Everywhere:
    """Finds a face, a plate and a person at the same place of every picture, and a faint one."""

    def __init__(self) -> None:
        self.shown: list[tuple[int, ...]] = []

    def detect(self, picture: NDArray[np.uint8]) -> Detections:
        self.shown.append(picture.shape)
        boxes = np.array([[10, 20, 30, 50]] * 4, np.float32)
        kinds = np.array([Kind.FACE, Kind.PLATE, Kind.PERSON, Kind.FACE])
        return Detections(boxes, np.array([0.5, 0.4, 0.6, LEAST - 0.01], np.float32), kinds)


def test_every_detector_looks_at_people_and_some_at_vehicles_and_finds_are_in_pixels_of_the_picture(
    tmp_path: Path,
) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((240, 320, 3), np.uint8))
    detectors = {name: Everywhere() for name, _, _ in LOOKS}
    looking = cast(dict[str, Detector], detectors)
    examples = [street(), replace(street(), image="b.png", source="romania")]
    examples = [replace(one, width=320, height=240) for one in examples]
    cv2.imwrite(str(tmp_path / "b.png"), np.zeros((240, 320, 3), np.uint8))
    out = tmp_path / "places.jsonl"
    assert list(write_finds(tmp_path, examples, looking, out)) == ["a.png", "b.png"]
    assert not list(write_finds(tmp_path, examples, looking, out)), "what is done is not done again"
    of_people, of_vehicles = (found for _, found in read_finds(out))
    assert Counter(one.by for one in of_people) == Counter(name for name, _, _ in LOOKS for _ in BOTH)
    assert Counter(one.by for one in of_vehicles) == Counter(name for name, _, both in LOOKS if both for _ in BOTH)
    assert {one.kind for one in of_people} == {FACE, PLATE}
    (name, side, _), first = LOOKS[0], of_people[0]
    assert (first.by, first.score) == (name, 0.5)
    assert first.box == pytest.approx([v * 320 / side for v in (10, 20, 30, 50)], abs=0.06)
    assert detectors[name].shown[0] == (side * 240 // 320, side, 3)
