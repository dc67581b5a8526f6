from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anonymize.detect.argus import decode
from training.geometry import as_boxes, covered, inside, iou
from training.model_constants import STRIDE
from training.sources import (
    KINDS,
    SOURCES,
    Example,
    example_from_json,
    kept_for_tests,
    manifest,
    read_annotations,
    read_labels,
)
from training.targets import Labels, make_targets

FACE, PLATE = 0, 1


def example(boxes: list[list[float]], kind: int = PLATE, source: str = "cars433", side: int = 128) -> Example:
    return Example("a.png", source, side, side, as_boxes(boxes), (kind,) * len(boxes))


def labels(boxes: list[list[float]], kind: int = PLATE, ignored: list[list[float]] | None = None) -> Labels:
    areas = as_boxes(ignored or [])
    return Labels(as_boxes(boxes), np.full(len(boxes), kind), areas, np.full(len(areas), kind))


def outputs_saying(boxes: list[list[float]], kind: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """What a perfect net would put out for these boxes."""
    scores = np.zeros((len(KINDS), side // STRIDE, side // STRIDE), np.float32)
    distances = np.zeros((4, side // STRIDE, side // STRIDE), np.float32)
    for x0, y0, x1, y1 in boxes:
        column, row = int((x0 + x1) / 2 // STRIDE), int((y0 + y1) / 2 // STRIDE)
        x, y = (column + 0.5) * STRIDE, (row + 0.5) * STRIDE
        scores[kind, row, column] = 0.9
        distances[:, row, column] = np.log(np.array([x - x0, y - y0, x1 - x, y1 - y]) / STRIDE)
    return scores, distances


def test_iou_and_inside_of_known_boxes() -> None:
    a, b = as_boxes([[0, 0, 10, 10]]), as_boxes([[5, 0, 15, 10], [0, 0, 5, 5], [20, 20, 30, 30]])
    np.testing.assert_allclose(iou(a, b), [[50 / 150, 25 / 100, 0]], rtol=1e-5)
    np.testing.assert_allclose(inside(b, a), [[0.5], [1], [0]], rtol=1e-5)


def test_cover_counts_the_union_once() -> None:
    truth = as_boxes([[0, 0, 32, 32]])
    halves = as_boxes([[0, 0, 16, 32], [0, 0, 16, 32], [16, 0, 32, 16]])
    np.testing.assert_allclose(covered(truth, halves), [0.75])
    assert covered(truth, as_boxes([])).tolist() == [0]


def test_decode_gives_back_the_boxes() -> None:
    boxes = [[10.0, 20.0, 50.0, 30.0], [70.0, 72.0, 100.0, 110.0]]
    found = decode(*outputs_saying(boxes, PLATE, 128))
    np.testing.assert_allclose(sorted(found.xyxy.tolist()), boxes, atol=1e-3)
    assert found.kind.tolist() == [PLATE, PLATE]
    assert found.score.dtype == np.float32


def test_decode_suppresses_within_a_kind_only() -> None:
    scores, distances = outputs_saying([[20, 20, 60, 60], [24, 20, 64, 60]], PLATE, 128)
    assert len(decode(scores, distances)) == 1
    both_kinds = scores + outputs_saying([[20, 20, 60, 60]], FACE, 128)[0]
    assert sorted(decode(both_kinds, distances).kind.tolist()) == [FACE, PLATE]


def test_decode_finds_nothing_below_the_floor() -> None:
    scores, distances = outputs_saying([[20, 20, 60, 60]], PLATE, 128)
    found = decode(scores * 0.01, distances)
    assert found.xyxy.shape == (0, 4)
    assert found.score.shape == found.kind.shape == (0,)


def test_targets_put_one_full_cell_at_each_centre() -> None:
    made = make_targets(labels([[10, 20, 50, 30], [100, 100, 106, 103]]), 2, 128, 128)
    rows, columns = np.nonzero(made.heat[PLATE] == 1)
    assert set(zip(rows.tolist(), columns.tolist(), strict=True)) == {(6, 7), (25, 25)}
    assert made.heat[FACE].max() == 0
    np.testing.assert_allclose(made.edges[:, 6, 7], [10, 20, 50, 30])
    np.testing.assert_allclose(made.weight.sum(), 2, rtol=1e-5)


def test_targets_do_not_count_ignored_areas_but_count_a_centre_inside_one() -> None:
    made = make_targets(labels([[60, 60, 68, 68]], ignored=[[40, 40, 88, 88]]), 2, 128, 128)
    assert made.counts[PLATE, 11, 11] == 0
    assert made.counts[PLATE, 16, 16] == 1
    assert made.counts[FACE].all()


@pytest.mark.parametrize("box", [[-20, -20, 4, 4], [120, 120, 200, 200], [0, 0, 128, 128]])
def test_targets_hold_boxes_at_the_border(box: list[float]) -> None:
    made = make_targets(labels([box]), 2, 128, 128)
    assert (made.heat[PLATE] == 1).sum() == 1
    assert np.isfinite(made.weight).all()


def test_no_set_without_a_licence_ships() -> None:
    assert not [s.name for s in SOURCES if s.ships and s.licence.startswith("none")]
    assert {s.name for s in SOURCES if not s.ships} >= {"n225", "gatecam49", "wheelchair", "portraits", "shanghaitech"}


def test_street_crowds_that_benchmarks_film_are_kept_from_every_run() -> None:
    crowd = Example("a", "mask853", 400, 300, as_boxes([[i, 0, i + 5, 5] for i in range(5)]), (FACE,) * 5)
    assert kept_for_tests(crowd)
    assert not kept_for_tests(replace(crowd, width=300))
    assert not kept_for_tests(replace(crowd, source="capstone"))


def test_label_lines_read_back(tmp_path: Path) -> None:
    whole = replace(example([[1, 2, 30, 12]]), ignored=as_boxes([[50, 50, 60, 60]]), ignored_kinds=(FACE,))
    path = tmp_path / "labels.jsonl"
    path.write_text(json.dumps(whole.to_json()) + "\n", encoding="utf-8")
    (again,) = read_labels(path)
    assert again.kinds == (PLATE,)
    assert again.ignored_kinds == (FACE,)
    np.testing.assert_allclose(again.of_kind(PLATE)[0], whole.boxes)


def test_persons_are_not_labels() -> None:
    row = {"image": "a", "source": "capstone", "width": 9, "height": 9}
    row["boxes"] = [{"kind": "person", "ignore": False, "xyxy": [0, 0, 5, 9]}]
    assert len(example_from_json(row, "people").boxes) == 0
    assert example_from_json(row, "people").image == "people/a"


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


class TestTeachers:
    @staticmethod
    def agreed(first: list[list[float]], second: list[list[float]]) -> tuple[list[list[float]], list[list[float]]]:
        teachers = pytest.importorskip("training.teachers", reason="onnxruntime is not installed")

        def scored(rows: list[list[float]]) -> object:
            return as_boxes([r[:4] for r in rows]), np.float32([r[4] for r in rows])

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
        finds = as_boxes([[0, 0, 10, 10], [40, 40, 60, 60]]), np.float32([0.9, 0.9])
        subject = example([[0, 0, 10, 11]], FACE, "mik1i_gray")
        labelled = teachers.label_faces(subject, [[finds], [finds]], teachers.Agreement())
        assert labelled.boxes.tolist() == [[0, 0, 10, 11]]
        assert labelled.ignored.tolist() == [[40, 40, 60, 60]]


class TestEvaluate:
    @staticmethod
    def outcome(found: list[list[float]], truth: list[list[float]], ignored: list[list[float]] | None = None) -> object:
        evaluate = pytest.importorskip("training.evaluate", reason="onnxruntime is not installed")
        areas = as_boxes(ignored or [])
        subject = replace(example(truth), ignored=areas, ignored_kinds=(PLATE,) * len(areas))
        rows = as_boxes([f[:4] for f in found]), np.float32([f[4] for f in found]), np.full(len(found), PLATE)
        return evaluate.compare(subject, rows, PLATE, 256, 0.5)

    def test_a_second_find_of_one_plate_is_false(self) -> None:
        got = self.outcome([[0, 0, 10, 10, 0.9], [0, 0, 10, 9, 0.8]], [[0, 0, 10, 10]])
        assert got.false.tolist() == [False, True]
        assert got.widths.tolist() == [20]

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

    def test_light_is_told_apart_where_a_name_tells_it(self) -> None:
        evaluate = pytest.importorskip("training.evaluate", reason="onnxruntime is not installed")
        outcomes = []
        for name, score in (("a_dayride_1", 0.9), ("a_nightride_1", 0.2), ("b", 0.9)):
            one = replace(example([[0, 0, 64, 20]], side=256), image=f"plates/{name}.webp")
            found = as_boxes([[0, 0, 64, 20]]), np.array([score], np.float32), np.array([PLATE])
            outcomes.append(evaluate.compare(one, found, PLATE, 256, 0.5))
        told = evaluate.table(outcomes, 0.5)["by light, 32 and wider"]
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


def test_repairs_become_ignored_areas(tmp_path: Path) -> None:
    repair = pytest.importorskip("training.repair", reason="onnxruntime is not installed")
    path = tmp_path / "repairs.jsonl"
    path.write_text('{"image": "a.png", "kind": "plate", "xyxy": [1, 2, 3, 4]}\n', encoding="utf-8")
    (repaired,) = repair.apply_repairs([example([[10, 10, 20, 20]])], path)
    assert repaired.ignored.tolist() == [[1, 2, 3, 4]]
    assert repaired.ignored_kinds == (PLATE,)


class TestNet:
    @pytest.fixture(autouse=True)
    def _torch(self) -> None:
        pytest.importorskip("torch", reason="PyTorch is not installed (dependency group `training`)")

    def test_shapes_at_any_multiple_of_32(self) -> None:
        import torch

        from training.model import Net

        heat, distances = Net().eval()(torch.zeros(2, 3, 96, 160))
        assert heat.shape == (2, 2, 24, 40)
        assert distances.shape == (2, 4, 24, 40)

    def test_box_loss_is_zero_for_the_right_distances_and_one_or_more_for_a_box_elsewhere(self) -> None:
        import torch

        from training.loss import box_loss

        boxes = [[10.0, 20.0, 50.0, 30.0]]
        made = make_targets(labels(boxes), 2, 128, 128)
        edges, weight = torch.from_numpy(made.edges)[None], torch.from_numpy(made.weight)[None].clone()
        weight[weight < weight.max()] = 0
        right = torch.from_numpy(outputs_saying(boxes, PLATE, 128)[1])[None]
        assert float(box_loss(right, edges, weight)) == pytest.approx(0, abs=1e-5)
        assert float(box_loss(right, edges + 100, weight)) > 1

    def test_a_run_that_was_stopped_ends_where_an_unbroken_one_does(self, tmp_path: Path) -> None:
        import torch

        from training.batches import Batches
        from training.loop import Plan, averaged, train
        from training.model import Shape

        picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)

        def batches() -> Batches:
            return Batches([example([[10, 10, 40, 30]], side=64)], lambda _: picture)

        small = Shape(stem=8, widths=(8, 8, 8, 8), blocks=(0, 0, 1), neck=8)
        plan = Plan(steps=4, sides=(32, 64), batch=4, warmup=2, cooldown=1, save_every=2)
        train(batches, plan, tmp_path / "whole", shape=small)
        train(batches, replace(plan, steps=2, cooldown=0), tmp_path / "broken", shape=small)
        train(batches, plan, tmp_path / "broken", shape=small)
        whole, broken = (averaged(tmp_path / run / "last.pt").state_dict() for run in ("whole", "broken"))
        for name in whole:
            torch.testing.assert_close(whole[name], broken[name])

    def test_the_exported_file_says_what_the_net_says(self, tmp_path: Path) -> None:
        pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
        from training.evaluate import detector
        from training.export import export
        from training.model import Net

        export(Net(), tmp_path / "net.onnx")
        assert (tmp_path / "net.onnx").stat().st_size < 5_000_000
        boxes, scores, kinds = detector(tmp_path / "net.onnx", 128)(np.zeros((50, 90, 3), np.uint8))
        assert boxes.shape[1:] == (4,)
        assert len(scores) == len(kinds) == len(boxes)
