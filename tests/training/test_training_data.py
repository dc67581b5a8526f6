from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from training.__main__ import learnt_from
from training.beliefs import SETS, believe, read_beliefs, read_nobody, without, write_beliefs
from training.geometry import as_boxes, inside
from training.known import by_eye, ignore_unknown, teaches
from training.labels import read_heads
from training.sources import (
    SOURCES,
    Example,
    example_from_json,
    kept_for_dev,
    kept_for_tests,
    manifest,
    may_train,
    read_annotations,
    read_labels,
    recording,
    whole_kinds,
)

FACE, HEAD, PERSON, PLATE = range(4)


def example(boxes: list[list[float]], kind: int = PLATE, source: str = "cars433", side: int = 128) -> Example:
    return Example("a.png", source, side, side, as_boxes(boxes), (kind,) * len(boxes))


def test_no_set_without_a_licence_ships() -> None:
    assert not [s.name for s in SOURCES if s.ships and s.licence.startswith("none")]
    withheld = {"n225", "gatecam49", "wheelchair", "portraits", "shanghaitech", "mmpose", "spain_uc3m", "egypt_moto"}
    assert {s.name for s in SOURCES if not s.ships} >= withheld


@pytest.mark.parametrize(
    ("source", "name", "may"),
    [
        ("capstone", "capstone_0004", True),
        ("capstone", "capstone_0005", False),  # named like COCO, YouTube or a film: not in SOURCES.md's list
        ("capstone", "more_capstone_2115", True),
        ("mik1i_gray", "mik1i_gray_train_youtube-12_jpg.rf.1_3", False),
        ("mik1i_gray", "mik1i_gray_train_IMG_4920_mov-12_jpg.rf.1_3", True),
        ("mix300", "mix300_train_DALL-E-2023_jpg.rf.1_3", False),
        ("mix300", "mix300_train_Cars12_predicted_png.rf.1_3", False),
        ("mix300", "mix300_train_shutterstock_1_3", False),
        ("mix300", "mix300_train_gettyimages-1_3", False),
        ("mix300", "mix300_train_Cars12_png.rf.1_3", True),
        ("spain_uc3m", "spain_uc3m_train_00004_3", False),
        ("egypt_moto", "egypt_moto_train_1", False),
        ("shanghaitech", "shanghaitech_0002", False),
        ("a set nobody knows", "a", False),
        ("oid_person", "oid_person_0001", True),
    ],
)
def test_pictures_with_other_rights_than_their_set_never_train(source: str, name: str, may: bool) -> None:
    assert may_train(replace(example([]), source=source, image=f"x/images/{name}.webp")) is may


def test_the_recordings_of_capstone_are_834() -> None:
    names = [f"{start}_{n:04}" for start in ("capstone", "more_capstone") for n in range(3000)]
    assert sum(may_train(replace(example([]), source="capstone", image=f"{n}.webp")) for n in names) == 834


def test_the_split_for_measuring_takes_an_eighth_and_parts_no_recording() -> None:
    single = [replace(example([]), source="oid_person", image=f"oid_person_{n:04}.webp") for n in range(2000)]
    assert 200 < sum(map(kept_for_dev, single)) < 300
    for names, source in (
        ([f"mik1i_gray_train_IMG_4920_mov-{n}_jpg.rf.{n}_{n}.webp" for n in range(50)], "mik1i_gray"),
        ([f"mik1i_gray_valid_Photo-on-{n % 1}_jpg.rf.{n}_{n}.webp" for n in range(9)], "mik1i_gray"),
        ([f"romania_valid_nightride_type3_001_t{n}_7.webp" for n in range(300, 600)], "romania"),
        ([f"thai_plates_{n:04}.webp" for n in range(20, 25)], "thai_plates"),
    ):
        assert len({kept_for_dev(replace(example([]), source=source, image=name)) for name in names}) == 1
    rides = [
        replace(example([]), source="romania", image=f"romania_train_dayride_type1_001_t{t}_1.webp") for t in (1, 5)
    ]
    assert recording(rides[0]) == recording(rides[1])
    assert recording(replace(rides[0], image="romania_train_dayride_type1_002_t1_1.webp")) != recording(rides[0])


def test_street_crowds_that_benchmarks_film_are_kept_from_every_run(tmp_path: Path) -> None:
    crowd = Example("a", "mask853", 400, 300, as_boxes([[i, 0, i + 5, 5] for i in range(5)]), (FACE,) * 5)
    others = [replace(crowd, image=f"faces/{n}.png", width=300) for n in range(40)]
    lines = [json.dumps(one.to_json()) + "\n" for one in (crowd, *others)]
    (tmp_path / "labels.jsonl").write_text("".join(lines), encoding="utf-8")
    learnt, all_of_them = ({e.image for e in learnt_from(tmp_path, everything)} for everything in (False, True))
    assert all_of_them == {e.image for e in others}
    assert learnt == {e.image for e in others if not kept_for_dev(e)} != all_of_them
    assert kept_for_tests(crowd)
    assert not kept_for_tests(replace(crowd, width=300))
    assert not kept_for_tests(replace(crowd, source="capstone"))


def test_label_lines_read_back(tmp_path: Path) -> None:
    whole = replace(
        example([[1, 2, 30, 12]]), ignored=as_boxes([[50, 50, 60, 60]]), ignored_kinds=(FACE,), whole=(FACE, PLATE)
    )
    path = tmp_path / "labels.jsonl"
    path.write_text(json.dumps(whole.to_json()) + "\n", encoding="utf-8")
    (again,) = read_labels(path)
    assert again.kinds == (PLATE,)
    assert again.ignored_kinds == (FACE,)
    assert again.whole == (FACE, PLATE)
    assert again.views == ()
    assert again.nobody.shape == (0, 4)
    seen = replace(whole, views=("back",), nobody=as_boxes([[5, 6, 7, 8]]))
    path.write_text(json.dumps(seen.to_json()) + "\n", encoding="utf-8")
    assert read_labels(path)[0].views == ("back",)
    assert read_labels(path)[0].nobody.tolist() == [[5, 6, 7, 8]]
    np.testing.assert_allclose(again.of_kind(PLATE)[0], whole.boxes)


def test_boxes_of_unknown_kinds_are_not_labels_and_views_are_read() -> None:
    row = {"image": "a", "source": "capstone", "width": 9, "height": 9}
    row["boxes"] = [
        {"kind": "dog", "ignore": False, "xyxy": [0, 0, 5, 9]},
        {"kind": "person", "ignore": False, "xyxy": [0, 0, 5, 9]},
        {"kind": "head", "ignore": False, "xyxy": [0, 0, 5, 4], "view": "back"},
        {"kind": "head", "ignore": True, "xyxy": [6, 0, 9, 4]},
    ]
    read = example_from_json(row, "people")
    assert read.kinds == (PERSON, HEAD)
    assert read.views == ("", "back")
    assert read.ignored_kinds == (HEAD,)
    assert read.image == "people/a"


BY_EYE = "heads: all from 8 px on, by eye; faces: all visible, by eye; "


@pytest.mark.parametrize(
    ("source", "said", "whole"),
    [
        ("romania", None, {PLATE}),
        ("n225", None, set()),
        ("mik1i_gray", None, {FACE, PLATE}),
        ("hardhat7035", "none", {PLATE}),
        ("capstone", "person", {PERSON, PLATE}),
        ("capstone", BY_EYE + "persons: as capstone labels them", {FACE, HEAD, PERSON, PLATE}),
        ("heads_vest", "head-all-filtered", {HEAD, PLATE}),
        ("heads_bikes", "head-some", set()),
        ("oid_person", BY_EYE + "persons: those Open Images calls Person, others unlabelled", {FACE, HEAD, PLATE}),
        ("oid_person", "persons: those Open Images calls Person; faces, heads, plates: none labelled", {PLATE}),
        ("coco_ccby", BY_EYE + "persons: all (exactly one in COCO)", {FACE, HEAD, PERSON, PLATE}),
        ("coco_ccby", BY_EYE + "nobody: no person in COCO", {FACE, HEAD, PERSON, PLATE}),
        ("coco_ccby", "persons: all; faces, heads: none labelled", {PERSON, PLATE}),
        ("oid_neg", "nobody: by eye", {FACE, HEAD, PERSON, PLATE}),
        ("shanghaitech", "head-points", set()),
    ],
)
def test_what_is_labelled_throughout_follows_the_set_and_the_pictures_own_labels(
    source: str, said: str | None, whole: set[int]
) -> None:
    assert set(whole_kinds({"source": source, "labels": said})) == whole


class TestUnknown:
    everywhere: ClassVar = [0, 0, 400, 400]

    @staticmethod
    def scene(boxes: list[list[float]], kinds: tuple[int, ...], whole: tuple[int, ...], **more: Any) -> Example:
        return replace(Example("a", "oid_person", 400, 400, as_boxes(boxes), kinds, whole=whole), **more)

    def ignored(self, subject: Example, kind: int) -> list[list[float]]:
        found: list[list[float]] = ignore_unknown(subject).of_kind(kind)[1].tolist()
        return found

    def test_a_kind_that_is_whole_is_background_elsewhere_and_one_that_is_not_is_ignored(self) -> None:
        subject = self.scene([[10, 10, 30, 20]], (PLATE,), (PLATE,))
        assert self.ignored(subject, PLATE) == []
        for kind in (FACE, HEAD, PERSON):
            assert self.ignored(subject, kind) == [self.everywhere]
        assert len(ignore_unknown(subject, faces=False).of_kind(FACE)[1]) == 0

    def test_a_persons_box_gives_only_an_area_where_a_head_may_be(self) -> None:
        subject = self.scene([[100, 100, 150, 300]], (PERSON,), (PERSON, PLATE))
        assert self.ignored(subject, HEAD) == [[95, 80, 155, 320]]
        assert HEAD not in ignore_unknown(subject).kinds
        assert self.ignored(subject, PERSON) == []

    def test_a_head_gives_only_an_area_where_a_person_may_be(self) -> None:
        subject = self.scene([[190, 100, 210, 124]], (HEAD,), (FACE, HEAD, PLATE))
        (area,) = self.ignored(subject, PERSON)
        assert inside(as_boxes([[170, 98, 230, 300]]), as_boxes([area]))[0, 0] == 1
        assert area[0] > 100
        assert PERSON not in ignore_unknown(subject).kinds
        assert self.ignored(subject, HEAD) == []

    def test_a_drawing_of_a_head_is_ignored_for_faces_and_persons_too(self) -> None:
        area = as_boxes([[50, 50, 80, 90]])
        for whole in ((FACE, HEAD, PERSON, PLATE), (FACE, HEAD, PLATE)):
            subject = self.scene([], (), whole, ignored=area, ignored_kinds=(HEAD,))
            for kind in (FACE, HEAD, PERSON):
                assert inside(area, as_boxes(self.ignored(subject, kind))).max() == 1, kind

    def test_a_picture_of_which_nothing_is_known_teaches_nothing(self) -> None:
        nothing = ignore_unknown(self.scene([], (), (PLATE,)))
        assert not teaches(nothing)
        assert teaches(ignore_unknown(self.scene([], (), (PLATE,)), faces=False))
        assert teaches(ignore_unknown(self.scene([[1, 1, 9, 9]], (HEAD,), (PLATE,))))
        assert teaches(ignore_unknown(self.scene([], (), (FACE, HEAD, PERSON, PLATE))))


class TestBeliefs:
    @staticmethod
    def found(rows: list[tuple[int, list[float], float]]) -> Any:
        kinds, boxes, scores = zip(*rows, strict=True)
        return as_boxes(boxes), np.array(scores, np.float32), np.array(kinds, np.int64)

    def test_what_is_half_believed_is_ignored_and_the_rest_is_background(self) -> None:
        street = Example("a", "romania", 400, 400, as_boxes([[10, 10, 30, 20]]), (PLATE,), whole=(PLATE,))
        half, hardly = [200.0, 100.0, 210.0, 112.0], [40.0, 300.0, 50.0, 312.0]
        known = believe(street, self.found([(HEAD, half, 0.3), (HEAD, hardly, 0.15)]))
        assert known.kinds == (PLATE,)  # no find becomes a label
        assert set(known.whole) == {FACE, HEAD, PERSON, PLATE}
        for kind in (FACE, HEAD, PERSON):
            areas = known.of_kind(kind)[1]
            assert areas.tolist() == [[195, 94, 215, 118]], kind
        assert len(known.of_kind(PLATE)[1]) == 0

    def test_a_body_may_be_below_a_head_and_a_head_in_a_body(self) -> None:
        street = Example("a", "romania", 400, 400, as_boxes([]), (), whole=(PLATE,))
        head = believe(street, self.found([(HEAD, [200, 100, 210, 112], 0.5)]))
        assert inside(as_boxes([[190, 100, 220, 190]]), head.of_kind(PERSON)[1]).max() == 1
        body = believe(street, self.found([(PERSON, [200, 100, 230, 190], 0.25)]))
        assert inside(as_boxes([[208, 100, 222, 116]]), body.of_kind(HEAD)[1]).max() == 1

    def test_where_faces_are_labelled_doubts_about_them_change_nothing_and_a_head_is_around_each(self) -> None:
        room = Example("a", "mik1i_gray", 400, 400, as_boxes([[100, 100, 140, 150]]), (FACE,), whole=(FACE, PLATE))
        known = believe(room, self.found([(FACE, [300, 300, 330, 340], 0.4)]))
        assert len(known.of_kind(FACE)[1]) == 0
        heads = known.of_kind(HEAD)[1]
        assert inside(as_boxes([[80, 70, 160, 170], [295, 295, 335, 345]]), heads).max(axis=1).tolist() == [1, 1]

    def test_what_a_person_saw_to_be_nobody_is_background(self) -> None:
        lamp = as_boxes([[10, 10, 20, 22]])
        rows = [
            (HEAD, [11.0, 10.0, 20.0, 22.0], 0.6),
            (FACE, [12.0, 12.0, 18.0, 20.0], 0.6),
            (PERSON, [10.0, 10.0, 20.0, 22.0], 0.6),
            (HEAD, [40.0, 10.0, 50.0, 22.0], 0.6),
        ]
        boxes, scores, kinds = without(self.found(rows), lamp)
        assert kinds.tolist() == [PERSON, HEAD]
        assert boxes[1].tolist() == [40, 10, 50, 22]
        assert len(scores) == 2
        assert len(without(self.found(rows), as_boxes([]))[0]) == 4

    def test_those_that_were_looked_at_are_in_sets_at_which_the_net_looks(self) -> None:
        nobody = read_nobody()
        assert sum(map(len, nobody.values())) == 1041
        for image, boxes in nobody.items():
            assert any(Path(image).name.startswith(f"{name}_") for name in SETS), image
            assert (boxes[:, 2:] > boxes[:, :2]).all(), image

    def test_heads_looked_at_by_eye_count_and_what_is_none_is_background_among_what_is_unknown(self) -> None:
        picture = Example("a", "hardhat7035", 400, 300, as_boxes([[110, 60, 130, 90]]), (FACE,), whole=(FACE, PLATE))
        head, lamp = as_boxes([[100, 50, 140, 100]]), as_boxes([[300, 200, 320, 230]])
        known = by_eye(ignore_unknown(picture), head, lamp)
        labelled, unknown = known.of_kind(HEAD)
        assert labelled.tolist() == head.tolist()
        assert inside(as_boxes([[0, 0, 90, 300], [330, 0, 400, 300]]), unknown).sum(axis=1).tolist() == [1, 1]
        assert inside(lamp, unknown).sum() == 0
        assert known.nobody.tolist() == lamp.tolist()
        assert known.of_kind(FACE)[0].tolist() == [[110, 60, 130, 90]]
        assert len(known.of_kind(PERSON)[1]) == 1

    def test_those_looked_at_by_eye_are_of_hard_hat_pictures_that_may_train_and_are_not_measured(self) -> None:
        seen = read_heads()
        assert (len(seen), *(sum(len(pair[i]) for pair in seen.values()) for i in range(2))) == (406, 874, 956)
        for image, pair in seen.items():
            one = Example(image, "hardhat7035", 416, 416, as_boxes([]), ())
            assert Path(image).name.removeprefix("more_").startswith("hardhat7035_"), image
            assert may_train(one), image
            assert not kept_for_dev(one), image
            assert all((boxes[:, 2:] > boxes[:, :2]).all() for boxes in pair), image

    def test_beliefs_are_written_whole_with_what_is_half_believed_alone(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        evaluate = pytest.importorskip("training.evaluate", reason="onnxruntime is not installed")
        import cv2

        cv2.imwrite(str(tmp_path / "a.png"), np.zeros((200, 200, 3), np.uint8))
        half, hardly, plate = [1.0, 2.0, 9.0, 12.0], [50.0, 2.0, 59.0, 12.0], [1.0, 1.0, 9.0, 5.0]
        sides = []

        def detector(_: Path, side: int, floor: float) -> Any:
            def find(_: np.ndarray) -> Any:
                sides.append(side)
                return self.found([(HEAD, half, 0.4), (HEAD, hardly, 0.1), (PLATE, plate, 0.9)])

            return find

        monkeypatch.setattr(evaluate, "detector", detector)
        out = tmp_path / "beliefs.jsonl"
        some = Example("a.png", "mix300", 300, 300, as_boxes([]), ())
        for _ in write_beliefs(tmp_path, [some], tmp_path / "net.onnx", out):
            assert not out.exists()
        boxes, scores, kinds = read_beliefs(out)["a.png"]
        assert sides == [640]  # 300 px are not enlarged to 1024
        assert (boxes.tolist(), kinds.tolist()) == ([[1, 2, 9, 12]], [HEAD])
        assert scores[0] == pytest.approx(0.4)
        assert read_beliefs(tmp_path / "none.jsonl") == {}


def test_manifest_changes_with_a_picture(tmp_path: Path) -> None:
    for folder in {s.folder for s in SOURCES}:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "annotations.jsonl").write_text("", encoding="utf-8")
    row = {"image": "a.png", "source": "romania", "width": 9, "height": 9, "boxes": []}
    (tmp_path / "plates" / "annotations.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    (tmp_path / "plates" / "a.png").write_bytes(b"one")
    first = {r["source"]: r["sha256"] for r in manifest(tmp_path)}
    (tmp_path / "plates" / "a.png").write_bytes(b"two")
    second = {r["source"]: r["sha256"] for r in manifest(tmp_path)}
    assert {name for name in first if first[name] != second[name]} == {"romania"}
    assert [e.source for e in read_annotations(tmp_path, {"romania"})] == ["romania"]


class TestTeachers:
    @staticmethod
    def agreed(first: list[list[float]], second: list[list[float]]) -> tuple[list[list[float]], list[list[float]]]:
        teachers = pytest.importorskip("training.teachers", reason="onnxruntime is not installed")

        def scored(rows: list[list[float]]) -> object:
            return as_boxes([r[:4] for r in rows]), np.array([r[4] for r in rows], np.float32)

        found, disputed = teachers.agree([[scored(first)], [scored(second)]], teachers.Agreement())
        return found.tolist(), disputed.tolist()

    def test_what_both_see_is_a_label(self) -> None:
        found, disputed = self.agreed([[0, 0, 10, 10, 0.5]], [[0, 0, 10, 10, 0.7]])
        assert found == [[0, 0, 10, 10]]
        assert disputed == []

    def test_what_one_half_sees_is_ignored_and_what_one_hardly_sees_is_nothing(self) -> None:
        found, disputed = self.agreed([[0, 0, 10, 10, 0.4], [50, 50, 60, 60, 0.2]], [])
        assert found == []
        assert disputed == [[0, 0, 10, 10]]

    def test_what_one_is_certain_of_is_a_label(self) -> None:
        assert self.agreed([], [[0, 0, 10, 10, 0.9]])[0] == [[0, 0, 10, 10]]

    def test_truth_stays_and_finds_beside_it_are_ignored(self) -> None:
        teachers = pytest.importorskip("training.teachers", reason="onnxruntime is not installed")
        finds = as_boxes([[0, 0, 10, 10], [40, 40, 60, 60]]), np.array([0.9, 0.9], np.float32)
        subject = replace(example([[0, 0, 10, 11]], FACE, "mik1i_gray"), whole=(FACE, PLATE))
        labelled = teachers.label_faces(subject, [[finds], [finds]], teachers.Agreement())
        assert labelled.boxes.tolist() == [[0, 0, 10, 11]]
        assert labelled.ignored.tolist() == [[40, 40, 60, 60]]

    @staticmethod
    def heads_and_finds(whole: tuple[int, ...]) -> Example:
        """Three heads, one from behind, one with a face; the teachers agree on a face in each and on one elsewhere."""
        teachers = pytest.importorskip("training.teachers", reason="onnxruntime is not installed")
        boxes = as_boxes([[0, 0, 20, 30], [30, 0, 50, 30], [60, 0, 80, 30], [62, 10, 78, 28]])
        kinds, views = (HEAD, HEAD, HEAD, FACE), ("front", "back", "front", "")
        subject = Example("a", "heads_vest", 128, 128, boxes, kinds, whole=whole, views=views)
        finds = as_boxes([[3, 9, 17, 27], [33, 9, 47, 27], [63, 9, 77, 27], [90, 90, 110, 110]]), np.full(4, 0.9)
        labelled: Example = teachers.label_faces(subject, [[finds], [finds]], teachers.Agreement())
        return labelled

    def test_a_labelled_head_in_which_teachers_see_a_face_is_a_face_too(self) -> None:
        by_eye = self.heads_and_finds((FACE, HEAD, PLATE))
        faces, ignored = by_eye.of_kind(FACE)
        assert faces.tolist() == [[62, 10, 78, 28], [3, 9, 17, 27]]
        assert ignored.tolist() == [[33, 9, 47, 27]]  # from behind: neither a face nor none

    def test_faces_outside_every_head_are_ignored_where_heads_are_whole(self) -> None:
        teachers = pytest.importorskip("training.teachers", reason="onnxruntime is not installed")
        boxes = as_boxes([[0, 0, 20, 30]])
        subject = Example("a", "heads_vest", 128, 128, boxes, (HEAD,), whole=(HEAD, PLATE))
        finds = as_boxes([[3, 9, 17, 27], [90, 90, 110, 110]]), np.full(2, 0.9)
        labelled = teachers.label_faces(subject, [[finds], [finds]], teachers.Agreement())
        assert labelled.of_kind(FACE)[0].tolist() == [[3, 9, 17, 27]]
        assert labelled.of_kind(FACE)[1].tolist() == [[90, 90, 110, 110]]
        some = teachers.label_faces(replace(subject, whole=()), [[finds], [finds]], teachers.Agreement())
        assert len(some.of_kind(FACE)[0]) == 2


def test_repairs_become_ignored_areas(tmp_path: Path) -> None:
    repair = pytest.importorskip("training.repair", reason="onnxruntime is not installed")
    path = tmp_path / "repairs.jsonl"
    path.write_text('{"image": "a.png", "kind": "plate", "xyxy": [1, 2, 3, 4]}\n', encoding="utf-8")
    (repaired,) = repair.apply_repairs([example([[10, 10, 20, 20]])], path)
    assert repaired.ignored.tolist() == [[1, 2, 3, 4]]
    assert repaired.ignored_kinds == (PLATE,)
