from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from anonymize.detect.argus import decode as decode_first_edition
from anonymize.kinds import Kind
from tests.helpers.training import FACE, HEAD, PERSON, PLATE, example, labels, outputs_saying
from training.decode import FIRST_EDITION, decode
from training.geometry import as_boxes, covered, cut_out, inside, iou
from training.sources import (
    KINDS,
    Example,
)
from training.targets import Labels, make_targets


def test_iou_and_inside_of_known_boxes() -> None:
    a, b = as_boxes([[0, 0, 10, 10]]), as_boxes([[5, 0, 15, 10], [0, 0, 5, 5], [20, 20, 30, 30]])
    np.testing.assert_allclose(iou(a, b), [[50 / 150, 25 / 100, 0]], rtol=1e-5)
    np.testing.assert_allclose(inside(b, a), [[0.5], [1.0], [0.0]], rtol=1e-5)


def test_holes_are_cut_out_of_an_area_to_the_pixel() -> None:
    area, holes = as_boxes([[5, 5, 95, 75]]), as_boxes([[10, 10, 30, 30], [20, 20, 50, 90], [90, -5, 120, 9]])
    counted = np.zeros((100, 130), int)
    for x0, y0, x1, y1 in cut_out(area, holes).astype(int):
        counted[y0:y1, x0:x1] += 1
    expected = np.zeros((100, 130), int)
    expected[5:75, 5:95] = 1
    for x0, y0, x1, y1 in holes.clip(0).astype(int):
        expected[y0:y1, x0:x1] = 0
    assert (counted == expected).all()
    assert cut_out(area, as_boxes([])).tolist() == area.tolist()
    assert len(cut_out(area, area)) == 0


def test_cover_counts_the_union_once() -> None:
    truth = as_boxes([[0, 0, 32, 32]])
    halves = as_boxes([[0, 0, 16, 32], [0, 0, 16, 32], [16, 0, 32, 16]])
    np.testing.assert_allclose(covered(truth, halves), [0.75])
    assert covered(truth, as_boxes([])).tolist() == [0]


def test_decode_gives_back_the_boxes_of_each_kind() -> None:
    boxes = [[10.0, 20.0, 50.0, 30.0], [70.0, 72.0, 100.0, 110.0]]
    for kind in range(len(KINDS)):
        found, score, kinds = decode(*outputs_saying(boxes, kind, 128))
        np.testing.assert_allclose(sorted(found.tolist()), boxes, atol=1e-3)
        assert kinds.tolist() == [kind, kind]
        assert score.dtype == np.float32


def test_decode_suppresses_within_a_kind_only() -> None:
    scores, distances = outputs_saying([[20, 20, 60, 60], [24, 20, 64, 60]], PLATE, 128)
    assert len(decode(scores, distances)[0]) == 1
    face = outputs_saying([[20, 20, 60, 60]], FACE, 128)
    assert decode(scores + face[0], distances + face[1])[2].tolist() in ([FACE, PLATE], [PLATE, FACE])


def test_decode_finds_nothing_below_the_floor() -> None:
    scores, distances = outputs_saying([[20, 20, 60, 60]], FACE, 128)
    found, score, kinds = decode(scores * np.float32(0.01), distances)
    assert found.shape == (0, 4)
    assert score.shape == kinds.shape == (0,)


def test_decode_reads_the_first_edition_as_the_product_does() -> None:
    rng = np.random.default_rng(4)
    scores = np.where(rng.random((2, 32, 32)) > 0.98, rng.random((2, 32, 32)), 0).astype(np.float32)
    distances = rng.normal(1, 0.3, (4, 32, 32)).astype(np.float32)
    boxes, score, kinds = decode(scores, distances, FIRST_EDITION)
    product = decode_first_edition(scores, distances)
    kept = product.score >= 0.05
    assert len(boxes) == kept.sum() > 10
    order, again = np.argsort(-product.score[kept], kind="stable"), np.argsort(-score, kind="stable")
    np.testing.assert_allclose(boxes[again], product.xyxy[kept][order], rtol=1e-4, atol=1e-3)
    assert [KINDS[k] for k in kinds[again]] == [Kind(int(k)).label for k in product.kind[kept][order]]


def test_targets_put_one_full_cell_at_each_centre() -> None:
    made = make_targets(labels([[10, 20, 50, 30], [100, 100, 106, 103]]), 4, 128, 128)
    rows, columns = np.nonzero(made.heat[PLATE] == 1)
    assert set(zip(rows.tolist(), columns.tolist(), strict=True)) == {(6, 7), (25, 25)}
    assert made.heat[FACE].max() == 0
    np.testing.assert_allclose(made.edges[PLATE, :, 6, 7], [10, 20, 50, 30])
    assert made.weight[FACE].max() == 0
    np.testing.assert_allclose(made.weight.sum(), 2, rtol=1e-5)


def test_targets_do_not_count_ignored_areas_but_count_a_label_inside_one() -> None:
    made = make_targets(labels([[60, 60, 68, 68]], ignored=[[40, 40, 88, 88]]), 4, 128, 128)
    assert made.counts[PLATE, 11, 11] == 0
    assert made.counts[PLATE, 16, 16] == 1
    assert made.counts[PLATE, 16, 17] == 1  # beside the peak: the net learns where it is
    assert made.counts[FACE].all()


def test_a_face_and_its_head_have_a_box_each_where_they_share_cells() -> None:
    both = Labels(
        as_boxes([[40, 44, 72, 84], [36, 28, 76, 88]]), np.array([FACE, HEAD]), as_boxes([]), np.zeros(0, np.int64)
    )
    made = make_targets(both, 4, 128, 128)
    np.testing.assert_allclose(made.edges[FACE, :, 15, 14], [40, 44, 72, 84])
    np.testing.assert_allclose(made.edges[HEAD, :, 15, 14], [36, 28, 76, 88])
    assert made.weight[FACE, 15, 14] > 0
    assert made.weight[HEAD, 15, 14] > 0


@pytest.mark.parametrize("box", [[-20, -20, 4, 4], [120, 120, 200, 200], [0, 0, 128, 128]])
def test_targets_hold_boxes_at_the_border(box: list[float]) -> None:
    made = make_targets(labels([box]), 4, 128, 128)
    assert (made.heat[PLATE] == 1).sum() == 1
    assert np.isfinite(made.weight).all()


class TestViews:
    def test_boxes_follow_the_pixels(self) -> None:
        from training.views import ViewSettings, draw

        picture = np.full((200, 300, 3), 60, np.uint8)
        picture[80:100, 120:180] = (0, 0, 255)
        subject = Example("a", "cars433", 300, 200, as_boxes([[120, 80, 180, 100]]), (PLATE,))
        how = ViewSettings(bent=0, turned=0, narrowest=30)
        rng = np.random.default_rng(3)
        seen = 0
        for _ in range(20):
            crop, found = draw(subject, lambda _: picture, (160, 160), rng, how)
            whole = found.boxes[(found.boxes > 0).all(axis=1) & (found.boxes < 160).all(axis=1)]
            for box in whole:
                red = (crop[..., 2] > 160) & (crop[..., 0] < 40)
                rows, columns = np.nonzero(red)
                if len(rows):
                    measured = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
                    np.testing.assert_allclose(box, measured, atol=2.5)
                    seen += 1
        assert seen >= 8

    def test_views_aim_at_heads_that_show_little_of_a_face_and_at_what_was_taken_for_one(self) -> None:
        from training.views import ViewSettings, choose

        boxes = as_boxes([[100, 100, 120, 124], [600, 100, 620, 124], [850, 850, 900, 860]])
        subject = Example("a", "oid_person", 1000, 1000, boxes, (HEAD, HEAD, PLATE), views=("front", "back", ""))
        wrong = as_boxes([[300, 700, 320, 724]])

        def seen(subject: Example, how: ViewSettings, box: np.ndarray) -> int:
            """How many of 400 views have the middle of `box` in them."""
            rng, middle = np.random.default_rng(1), (box[:2] + box[2:]) / 2
            views = [choose(subject, (96, 96), rng, how) for _ in range(400)]
            crops = np.array([view[:, :2] @ middle + view[:, 2] for view in views])
            return int(((crops > 0) & (crops < 96)).all(axis=1).sum())

        how = ViewSettings(aim=1, turned=0, squeezed=0, large=0, fill=(0, 0.1), narrowest=30, chances=(1, 1, 1, 0))
        front, back = seen(subject, how, boxes[0]), seen(subject, how, boxes[1])
        assert back / front == pytest.approx(2.5, rel=0.3)
        assert seen(subject, how, boxes[2]) == 0
        share = seen(replace(subject, nobody=wrong), how, wrong[0]) / 400
        assert share == pytest.approx(0.4, abs=0.08)

    def test_bending_moves_boxes_with_the_picture(self) -> None:
        from training.views import bend

        picture = np.zeros((200, 240, 3), np.uint8)
        picture[30:60, 20:70] = 255
        crop, boxes, _ = bend(picture, as_boxes([[20, 30, 70, 60]]), as_boxes([]), 0.3)
        rows, columns = np.nonzero(crop[..., 0] > 127)
        measured = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        np.testing.assert_allclose(boxes[0], measured, atol=4)

    def test_a_box_mostly_outside_is_ignored_not_lost(self) -> None:
        from training.views import cut

        kept = cut(labels([[-30, 10, 10, 30], [10, 10, 50, 30]]), (64, 64))
        assert kept.boxes.tolist() == [[10, 10, 50, 30]]
        assert kept.ignored.tolist() == [[0, 10, 10, 30]]


def test_drawn_plates_fill_the_place_of_real_ones_and_nothing_else() -> None:
    from training.rendered import draw_bank, replace_plate

    bank = draw_bank(4)
    crop = np.full((120, 200, 3), 90, np.uint8)
    before = crop.copy()
    quad = np.array([[40.0, 40], [140, 45], [140, 70], [40, 65]])
    replace_plate(crop, quad, bank.pick(4, np.random.default_rng(1)), np.random.default_rng(2), zoom=1.0)
    rows, columns = np.nonzero((crop != before).any(axis=2))
    assert 40 - 1 <= columns.min() < 50
    assert 130 < columns.max() <= 140 + 1
    assert 40 - 1 <= rows.min() < 48
    assert 60 < rows.max() <= 70 + 1
    assert crop[45:65, 50:130].std() > 10
    replace_plate(crop, quad - 500, bank.plates[0], np.random.default_rng(2), zoom=1.0)  # out of view: nothing to do


@pytest.mark.parametrize("aspect", [1.3, 2.0, 4.5])
def test_a_drawn_plate_has_about_the_shape_that_was_asked_for(aspect: float) -> None:
    from training.rendered import draw_bank

    plate = draw_bank(80).pick(aspect, np.random.default_rng(0))
    assert plate.shape[1] / plate.shape[0] == pytest.approx(aspect, rel=0.35)


def test_masks_cover_the_lower_part_of_faces_only() -> None:
    from training.degrade import mask

    picture = np.full((100, 100, 3), 128, np.uint8)
    mask(picture, as_boxes([[20, 20, 60, 80]]), np.random.default_rng(0), 1.0)
    rows, columns = np.nonzero((picture != 128).any(axis=2))
    assert rows.min() >= 40
    assert rows.max() <= 84
    assert columns.min() >= 15
    assert columns.max() <= 65
    clear = np.full((100, 100, 3), 128, np.uint8)
    assert (mask(clear, as_boxes([[20, 20, 60, 80]]), np.random.default_rng(0), 0.0) == 128).all()


def test_every_degradation_keeps_shape_and_depends_on_the_seed_only() -> None:
    from training.degrade import STEPS

    picture = np.random.default_rng(0).integers(80, 256, (96, 128, 3), dtype=np.uint8)
    for _, step in STEPS:
        first = step(picture.copy(), np.random.default_rng(5))
        again = step(picture.copy(), np.random.default_rng(5))
        assert first.shape == picture.shape, step.__name__
        assert first.dtype == np.uint8, step.__name__
        np.testing.assert_array_equal(first, again, err_msg=step.__name__)


def test_equal_seeds_give_equal_batches() -> None:
    from training.batches import Batches

    picture = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    batches = Batches([example([[20, 20, 60, 40]]), example([], FACE, "capstone")], lambda _: picture)
    first, again, other = (batches.batch((1, step), 4, 64) for step in (0, 0, 1))
    np.testing.assert_array_equal(first.pictures, again.pictures)
    np.testing.assert_array_equal(first.heat, again.heat)
    assert (first.pictures != other.pictures).any()
    assert first.pictures.shape == (4, 64, 64, 3)


class TestEvaluate:
    @staticmethod
    def outcome(found: list[list[float]], truth: list[list[float]], ignored: list[list[float]] | None = None) -> Any:
        evaluate = pytest.importorskip("training.evaluate", reason="onnxruntime is not installed")
        areas = as_boxes(ignored or [])
        subject = replace(example(truth), ignored=areas, ignored_kinds=(PLATE,) * len(areas))
        rows = as_boxes([f[:4] for f in found]), np.array([f[4] for f in found], np.float32), np.full(len(found), PLATE)
        return evaluate.compare(subject, rows, PLATE, 256, 0.5)

    def test_a_second_find_of_one_plate_is_false(self) -> None:
        got = self.outcome([[0, 0, 10, 10, 0.9], [0, 0, 10, 9, 0.8]], [[0, 0, 10, 10]])
        assert got.false.tolist() == [False, True]
        assert got.sizes.tolist() == [20]

    def test_a_find_in_an_ignored_area_is_not_false(self) -> None:
        assert self.outcome([[20, 20, 30, 30, 0.9]], [], [[15, 15, 40, 40]]).false.tolist() == [False]

    def test_thresholds_for_a_rate_of_false_boxes(self) -> None:
        evaluate = pytest.importorskip("training.evaluate", reason="onnxruntime is not installed")
        outcomes = [self.outcome([[0, 0, 10, 10, 0.9], [30, 30, 40, 40, 0.6]], []) for _ in range(2)]
        cut = evaluate.threshold_for(outcomes, 1.0)
        assert 0.6 < cut < 0.61
        assert evaluate.false_rate(outcomes, cut) == 1.0

    def test_recall_and_cover_by_width(self) -> None:
        evaluate = pytest.importorskip("training.evaluate", reason="onnxruntime is not installed")
        got = self.outcome([[0, 0, 18, 10, 0.9]], [[0, 0, 20, 10], [60, 60, 70, 66]])
        assert evaluate.figures([got], 0.5, 32) == {"count": 1, "recall": 1.0, "c10": 1.0, "c20": 1.0}
        assert evaluate.figures([got], 0.5, 0, 32)["recall"] == 0.0

    def test_heads_are_sized_by_height_and_told_apart_by_view(self) -> None:
        evaluate = pytest.importorskip("training.evaluate", reason="onnxruntime is not installed")
        boxes = as_boxes([[0, 0, 20, 40], [60, 0, 90, 40], [100, 0, 104, 20]])
        kinds, views = (HEAD, HEAD, FACE), ("front", "back", "")
        subject = Example("a", "capstone", 128, 128, boxes, kinds, whole=(HEAD,), views=views)
        found = boxes[:1], np.array([0.9], np.float32), np.array([HEAD])
        got = evaluate.compare(subject, found, HEAD, 256, 0.4)
        assert got.sizes.tolist() == [80, 80]
        assert [evaluate.figures([got], 0.5, view=v)["recall"] for v in ("front", "back")] == [1.0, 0.0]
        assert evaluate.figures([got], 0.5, view="profile")["count"] == 0

    def test_the_dev_table_has_every_kind_and_counts_false_boxes_only_where_a_kind_is_whole(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        dev = pytest.importorskip("training.dev", reason="onnxruntime is not installed")
        rows = [
            ("capstone", "capstone_0004", "person", [[10, 10, 60, 110]], "person"),
            ("heads_bikes", "heads_bikes_0407", "head-some", [[10, 10, 40, 50]], "head"),
        ]
        for folder in ("plates", "faces", "people"):
            (tmp_path / folder / "images").mkdir(parents=True)
            (tmp_path / folder / "annotations.jsonl").write_text("", encoding="utf-8")
        lines = []
        for source, name, said, boxes, kind in rows:
            cv2.imwrite(str(tmp_path / "people" / "images" / f"{name}.png"), np.zeros((128, 128, 3), np.uint8))
            row = {"image": f"images/{name}.png", "source": source, "labels": said, "width": 128, "height": 128}
            lines.append({**row, "boxes": [{"kind": kind, "ignore": False, "xyxy": box} for box in boxes]})
        path = tmp_path / "people" / "annotations.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        elsewhere = as_boxes([[80, 80, 120, 120]])
        finds = {kind: (elsewhere, np.array([0.9], np.float32), np.array([kind])) for kind in (HEAD, PERSON)}
        both = tuple(np.concatenate([finds[HEAD][i], finds[PERSON][i]]) for i in range(3))
        monkeypatch.setattr(dev, "detector", lambda *_: lambda _: both)
        monkeypatch.setattr(dev, "kept_for_dev", lambda _: True)
        tables = dev.measure(tmp_path / "net.onnx", tmp_path, tmp_path / "none.jsonl", 128, false=0.5)
        assert tables["head"]["sets"]["heads_bikes"] == {
            "count": 1, "recall": 0.0, "c10": 0.0, "c20": 0.0, "false_per_picture": 0.0
        }  # fmt: skip
        assert tables["person"]["threshold"] > 0.89  # the find beside the only labelled person is false
        assert set(tables) == {"head", "person", "plate"}
        assert set(dev.short(tables)["head"]) == {"threshold", "16 and larger", "at a tenth"}

    def test_light_is_told_apart_where_a_name_tells_it(self) -> None:
        evaluate = pytest.importorskip("training.evaluate", reason="onnxruntime is not installed")
        outcomes = []
        for name, score in (("a_dayride_1", 0.9), ("a_nightride_1", 0.2), ("b", 0.9)):
            one = replace(example([[0, 0, 64, 20]], side=256), image=f"plates/{name}.webp")
            found = as_boxes([[0, 0, 64, 20]]), np.array([score], np.float32), np.array([PLATE])
            outcomes.append(evaluate.compare(one, found, PLATE, 256, 0.5))
        told = evaluate.table(outcomes, 0.5)["by light, 32 and larger"]
        assert {name: row["recall"] for name, row in told.items()} == {"day": 1.0, "night": 0.0, "not told": 1.0}


@pytest.mark.parametrize(("width", "squeeze"), [(320, 1.0), (64, 1.0), (64, 0.4), (12, 1.0)])
def test_drawn_cars_have_their_plate_where_the_box_says(width: int, squeeze: float) -> None:
    limits = pytest.importorskip("training.limits", reason="onnxruntime is not installed")
    rng = np.random.default_rng(3)
    scene, box = limits.picture_of(width, squeeze, rng)
    assert box[0, 2] - box[0, 0] == pytest.approx(width, abs=0.01)
    assert inside(box, as_boxes([[0, 0, scene.shape[1], scene.shape[0]]]))[0, 0] == 1
    x0, y0, x1, y1 = (round(float(v)) for v in box[0])
    if width >= 64:  # letters on their ground: a plate is full of contrast, the bumper under it is not
        bumper = scene[y1 + (y1 - y0) // 8 : y1 + (y1 - y0) // 4, x0:x1]
        assert scene[y0:y1, x0:x1].std() > 2 * bumper.std()
    exact = box, np.array([0.9], np.float32), np.array([PLATE])
    shift = np.array([[2 * width, 0, 2 * width, 0]])
    beside = as_boxes(box + shift), *exact[1:]
    assert limits.found(lambda _: exact, scene, box, 0.5)
    assert not limits.found(lambda _: exact, scene, box, 0.95)
    assert not limits.found(lambda _: beside, scene, box, 0.5)
