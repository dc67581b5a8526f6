from __future__ import annotations

import fcntl
import json
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import anonymize.models
from tests.helpers.training import FACE, HEAD, PERSON, PLATE, example, labels, outputs_saying
from training.geometry import as_boxes
from training.targets import make_targets


class TestNet:
    @pytest.fixture(autouse=True)
    def _torch(self) -> None:
        pytest.importorskip("torch", reason="PyTorch is not installed (dependency group `training`)")

    @pytest.mark.parametrize("name", ["small", "large"])
    def test_shapes_at_any_multiple_of_32(self, name: str) -> None:
        import torch

        from training.model import SHAPES, Net

        heat, distances = Net(SHAPES[name]).eval()(torch.zeros(2, 3, 96, 160))
        assert heat.shape == (2, 4, 24, 40)
        assert distances.shape == (2, 16, 24, 40)

    def test_box_loss_is_zero_for_the_right_distances_and_one_or_more_for_a_box_elsewhere(self) -> None:
        import torch

        from training.loss import box_loss

        boxes = [[10.0, 20.0, 50.0, 30.0]]
        made = make_targets(labels(boxes), 4, 128, 128)
        edges, weight = torch.from_numpy(made.edges)[None], torch.from_numpy(made.weight)[None].clone()
        weight[weight < weight.max()] = 0
        right = torch.from_numpy(outputs_saying(boxes, PLATE, 128)[1])[None]
        assert float(box_loss(right, edges, weight)) == pytest.approx(0, abs=1e-5)
        assert float(box_loss(right, edges + 100, weight)) > 1
        others = torch.cat(
            [right[:, 4 * PLATE :], right[:, : 4 * PLATE]], dim=1
        )  # the same boxes, said of another kind
        assert float(box_loss(others, edges, weight)) > 0.1

    def test_a_teacher_is_believed_where_nobody_labelled_and_nowhere_else(self) -> None:
        import torch

        from training.loss import belief_loss

        heat, counts = torch.zeros(1, 2, 8, 8), torch.ones(1, 2, 8, 8)
        counts[0, 1, :, 4:] = 0
        ours, theirs = torch.full((1, 2, 8, 8), -4.6), torch.full((1, 2, 8, 8), -4.6)
        ours_at, theirs_at = torch.zeros(1, 8, 8, 8), torch.zeros(1, 8, 8, 8)

        def loss() -> float:
            return float(belief_loss(ours, ours_at, (theirs, theirs_at), counts, heat))

        assert loss() < 1e-6
        theirs[0, 1, 2, 1] = theirs[0, 0, 2, 6] = 3.0  # where the labels count
        assert loss() < 1e-6
        theirs[0, 1, 2, 6] = 3.0
        missed = loss()
        assert missed > 1
        ours[0, 1, 2, 6] = 2.0
        assert loss() < missed / 10
        near = loss()
        ours_at[0, 4:, 2, 5] = 5.0  # boxes of a cell in which the teacher does not believe
        assert loss() == near
        theirs_at[0, 4:, 2, 6] = 1.0
        assert loss() == pytest.approx(near + float(torch.sigmoid(torch.tensor(3.0))), abs=1e-4)

    def test_a_run_with_a_teacher_learns_what_the_teacher_says_of_faces(self) -> None:
        import torch

        from training.batches import Batches
        from training.loop import Schedule, _step, _teacher
        from training.model import Net

        picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        unknown = replace(example([], side=64), ignored=as_boxes([[0, 0, 64, 64]] * 4), ignored_kinds=(0, 1, 2, 3))
        batches = Batches([unknown], lambda _: picture)
        plan = Schedule(
            1, (64,), batch=2, teacher=str(Path(anonymize.models.__file__).with_name("argus.onnx")), bf16=False
        )
        teacher = _teacher(batches, plan)
        assert teacher is not None
        before = [p.clone() for p in teacher.parameters()]
        seen = batches.batch((1,), 2, 64)
        parts = [torch.from_numpy(a) for a in (seen.pictures, seen.heat, seen.counts, seen.edges, seen.weight)]
        net = Net()
        optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3)
        losses = [float(_step(net, optimizer, parts, plan, 1, teacher)[2]) for _ in range(12)]
        assert losses[-1] < losses[0] / 2
        assert all(torch.equal(a, b) for a, b in zip(before, teacher.parameters(), strict=True))
        assert float(_step(net, optimizer, parts, plan, 1)[2]) == 0

    def test_a_run_that_was_stopped_ends_where_an_unbroken_one_does(self, tmp_path: Path) -> None:
        import torch

        from training.batches import Batches
        from training.loop import Schedule, averaged, train
        from training.model import NetShape

        picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)

        def batches() -> Batches:
            return Batches([example([[10, 10, 40, 30]], side=64)], lambda _: picture)

        small = NetShape(stem=8, widths=(8, 8, 8, 8), blocks=(0, 0, 1), neck=8)
        plan = Schedule(steps=4, sides=(32, 64), batch=4, warmup=2, cooldown=1, save_every=2)
        train(batches, plan, tmp_path / "whole", shape=small)
        train(batches, replace(plan, steps=2, cooldown=0), tmp_path / "broken", shape=small)
        train(batches, plan, tmp_path / "broken", shape=small)
        whole, broken = (averaged(tmp_path / run / "last.pt").state_dict() for run in ("whole", "broken"))
        for name in whole:
            torch.testing.assert_close(whole[name], broken[name])

    def test_a_run_that_is_asked_to_stop_saves_the_step_in_progress(self, tmp_path: Path) -> None:
        from training.batches import Batches
        from training.loop import Schedule, steps_done, train
        from training.model import NetShape

        picture = np.zeros((64, 64, 3), np.uint8)
        asked = 0

        def load(_: str) -> np.ndarray:
            nonlocal asked
            asked += 1
            if asked == 12:
                signal.raise_signal(signal.SIGTERM)
            return picture

        before = signal.getsignal(signal.SIGTERM)
        small = NetShape(stem=8, widths=(8, 8, 8, 8), blocks=(0, 0, 1), neck=8)
        plan = Schedule(steps=60, sides=(32,), batch=2)
        train(lambda: Batches([example([[10, 10, 40, 30]], side=64)], load), plan, tmp_path, shape=small)
        assert 1 <= steps_done(tmp_path / "last.pt") <= 6
        assert signal.getsignal(signal.SIGTERM) == before
        row = json.loads((tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()[-1])
        assert row["step"] == steps_done(tmp_path / "last.pt")
        assert row["megapixels"] == pytest.approx(row["step"] * 2 * 32 * 32 / 1e6, abs=0.06)

    def test_a_run_that_another_process_trains_is_refused(self, tmp_path: Path) -> None:
        from training.batches import Batches
        from training.loop import Schedule, train

        with (tmp_path / "pid").open("w", encoding="ascii") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            with pytest.raises(RuntimeError, match="being trained already"):
                train(lambda: Batches([example([])], lambda _: np.zeros((8, 8, 3), np.uint8)), Schedule(1), tmp_path)

    def test_a_start_from_the_weights_that_ship_says_what_they_say(self) -> None:
        import torch

        onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
        from training.export import Deployed
        from training.model import Net
        from training.start import start

        torch.manual_seed(3)
        shipped = Path(anonymize.models.__file__).with_name("argus.onnx")
        pictures = torch.randint(0, 256, (6, 3, 128, 160), dtype=torch.uint8)
        pictures[3:] = torch.nn.functional.interpolate(pictures[:3, :, :16, :20].float(), size=(128, 160)).byte()
        net = Net()
        start(net, shipped, [pictures[:3], pictures[3:]])
        scores, distances = onnxruntime.InferenceSession(shipped).run(None, {"image": pictures.numpy()})
        with torch.inference_mode():
            got_scores, got_distances = Deployed(net).eval()(pictures)
            trains = net.train()(pictures.float())[0]
            rests = net.eval()(pictures.float())[0]
        for kind, old in ((FACE, 0), (PLATE, 1)):
            np.testing.assert_allclose(got_scores[:, kind], scores[:, old], atol=1e-5)
        assert got_scores[:, [HEAD, PERSON]].max() < 0.05
        for kind in range(4):
            np.testing.assert_allclose(got_distances[:, 4 * kind : 4 * kind + 4], distances, atol=1e-3)
        assert float((trains - rests).abs().median()) < 0.2  # a batch's own statistics are about those it was set to

    def test_a_start_from_the_second_edition_says_what_that_says_of_all_kinds(self) -> None:
        import torch

        onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
        from training.export import Deployed
        from training.model import Net
        from training.start import start

        torch.manual_seed(4)
        shipped = Path(anonymize.models.__file__).with_name("argus2.onnx")
        pictures = torch.randint(0, 256, (4, 3, 16, 20)).float()
        pictures = torch.nn.functional.interpolate(pictures, size=(128, 160)).byte()
        net = Net()
        start(net, shipped, [pictures])
        scores, distances = onnxruntime.InferenceSession(shipped).run(None, {"image": pictures.numpy()})
        with torch.inference_mode():
            got_scores, got_distances = Deployed(net).eval()(pictures)
            trains = net.train()(pictures.float())[0]
            rests = net.eval()(pictures.float())[0]
        np.testing.assert_allclose(got_scores, scores, atol=1e-5)
        np.testing.assert_allclose(got_distances, distances, atol=1e-3)
        assert float((trains - rests).abs().median()) < 0.2

    def test_a_start_from_another_network_is_refused(self, tmp_path: Path) -> None:
        pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
        import torch

        from training.export import export
        from training.model import Net, NetShape
        from training.start import start

        other = Net(NetShape(neck=32))
        for norm in (m for m in other.modules() if isinstance(m, torch.nn.BatchNorm2d)):
            torch.nn.init.uniform_(norm.bias)
        export(other, tmp_path / "other.onnx")
        with pytest.raises(ValueError, match="expected a convolution"):
            start(Net(), tmp_path / "other.onnx", [torch.zeros(1, 3, 64, 64)])

    def test_a_larger_net_starts_as_saying_what_the_smaller_says(self) -> None:
        import torch

        from training.model import SHAPES, Net
        from training.start import start, widen

        torch.manual_seed(5)
        pictures = torch.randint(0, 256, (3, 3, 96, 160), dtype=torch.uint8).float()
        small, large = Net(), Net(SHAPES["large"])
        start(small, Path(anonymize.models.__file__).with_name("argus.onnx"), [pictures])
        widen(large, small)
        for training in (False, True):
            with torch.no_grad():
                said, says = (net.train(training)(pictures) for net in (small, large))
            assert float(said[0].std()) > 0.2
            for old, new in zip(said, says, strict=True):
                torch.testing.assert_close(new, old, atol=1e-3, rtol=1e-4)

    def test_all_that_a_larger_net_has_more_learns(self) -> None:
        import torch

        from training.model import SHAPES, Net
        from training.start import start, widen

        torch.manual_seed(5)
        pictures = torch.randint(0, 256, (2, 3, 128, 128), dtype=torch.uint8).float()
        small, large = Net(), Net(SHAPES["large"])
        start(small, Path(anonymize.models.__file__).with_name("argus.onnx"), [pictures])
        widen(large, small)
        optimizer = torch.optim.AdamW(large.parameters(), lr=1e-3)
        for _ in range(4):  # the layers behind a zero wait until it has moved
            optimizer.zero_grad()
            heat, distances = large.train()(pictures)
            (heat.square().mean() + distances.square().mean()).backward()
            optimizer.step()
        known = dict(small.named_parameters())
        for name, weight in large.named_parameters():
            assert weight.grad is not None
            learns = weight.grad != 0
            old = known[name].shape if name in known else (0, 0)
            for more in (learns[old[0] :], learns[:, old[1] :] if weight.dim() > 1 else learns[:0]):
                assert not more.numel() or float(more.float().mean()) > 0.5, name  # some are behind a ReLU's zero

    def test_a_net_that_is_larger_somewhere_does_not_start_a_smaller_one(self) -> None:
        from training.model import Net, NetShape
        from training.start import widen

        with pytest.raises(ValueError, match=r"lateral32\.0\.weight has the shape \(80, .* fit into \(64, "):
            widen(Net(), Net(NetShape(neck=80)))
        with pytest.raises(ValueError, match=r"down16\.blocks\.2"):
            widen(Net(), Net(NetShape(blocks=(1, 3, 4))))

    def test_a_run_that_starts_from_another_keeps_its_own_shape(self, tmp_path: Path) -> None:
        import torch

        from training.batches import Batches
        from training.loop import Schedule, averaged, steps_done, train
        from training.model import NetShape

        picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)

        def batches() -> Batches:
            return Batches([example([[10, 10, 40, 30]], side=64)], lambda _: picture)

        small = NetShape(stem=8, widths=(8, 8, 8, 8), blocks=(0, 0, 1), neck=8)
        large = NetShape(stem=8, widths=(8, 16, 8, 16, 8), blocks=(1, 0, 1, 1), neck=16)
        plan = Schedule(steps=2, sides=(64,), batch=2, warmup=2, cooldown=0)
        train(batches, plan, tmp_path / "first", shape=small)
        further = replace(plan, start=str(tmp_path / "first" / "last.pt"), rate=0.0)
        train(batches, further, tmp_path / "next", shape=large)
        train(batches, replace(further, steps=3), tmp_path / "next")
        assert steps_done(tmp_path / "next" / "last.pt") == 3
        before, after = (averaged(tmp_path / run / "last.pt") for run in ("first", "next"))
        assert (before.shape, after.shape) == (small, large)
        weight = before.down4.shrink[0].weight
        torch.testing.assert_close(after.down4.shrink[0].weight, weight)
        with pytest.raises(ValueError, match="give a new run another name"):
            train(batches, further, tmp_path / "next", shape=small)

    def test_a_start_that_is_not_there_is_named_before_anything_is_made(self, tmp_path: Path) -> None:
        from typer.testing import CliRunner

        from training.__main__ import app

        words = ["train", "--work", str(tmp_path), "--run", "third"]
        wrong = [(["--start", "secnd"], "secnd"), (["--start", "argus-place"], "argus, argus2 or the name of a run")]
        for more, said in (*wrong, (["--net", "huge"], "small or large")):
            result = CliRunner().invoke(app, words + more, env={"COLUMNS": "400", "TERMINAL_WIDTH": "400"})
            assert result.exit_code == 2
            assert said in result.output
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("name", ["small", "large"])
    def test_the_exported_file_says_what_the_net_says(self, name: str, tmp_path: Path) -> None:
        pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
        from training.evaluate import detector
        from training.export import export
        from training.model import SHAPES, Net

        export(Net(SHAPES[name]), tmp_path / "net.onnx")
        assert (tmp_path / "net.onnx").stat().st_size < 6_000_000
        boxes, scores, kinds = detector(tmp_path / "net.onnx", 128)(np.zeros((50, 90, 3), np.uint8))
        assert boxes.shape[1:] == (4,)
        assert len(scores) == len(kinds) == len(boxes)

    @pytest.mark.parametrize(("shape", "size"), [("small", 1_000_000), ("large", 2_000_000)])
    def test_the_second_edition_in_8_bits_keeps_its_kinds_and_is_shown_only_what_may_train(
        self, shape: str, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
        import cv2
        import torch

        from training import quantise
        from training.evaluate import detector
        from training.export import export
        from training.geometry import iou
        from training.limits import picture_of
        from training.model import SHAPES, Net
        from training.start import start, widen

        first = Net()
        scene, plate = picture_of(60, 1.0, np.random.default_rng(5))
        patch = torch.from_numpy(scene[:256, :256]).permute(2, 0, 1)[None].contiguous()
        start(first, Path(anonymize.models.__file__).with_name("argus.onnx"), [patch])
        net = Net(SHAPES[shape])
        widen(net, first)
        for norm in (m for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d)):
            for values in (norm.weight, norm.bias):  # as the first steps do: none are all zero
                values.data += 0.001 * torch.rand_like(values)
        export(net, tmp_path / "net.onnx")
        rows = []
        for name in ("mix300_train_Cars1_1", "mix300_train_DALL-E-1_1"):  # the second has other rights than its set
            row = {"image": f"images/{name}.png", "source": "mix300", "width": 640, "height": 480, "boxes": []}
            rows.append(json.dumps(row) + "\n")
        for folder in ("plates", "faces", "people"):
            (tmp_path / folder / "images").mkdir(parents=True)
            (tmp_path / folder / "annotations.jsonl").write_text("".join(rows) if folder == "plates" else "")
        cv2.imwrite(str(tmp_path / "plates/images/mix300_train_Cars1_1.png"), scene)
        monkeypatch.setitem(quantise.NETWORKS, "argus2", replace(quantise.NETWORKS["argus2"], pictures={"mix300": 1}))
        made = quantise.quantise("argus2", (tmp_path / "net.onnx").read_bytes(), tmp_path)
        (tmp_path / "net8.onnx").write_bytes(made)
        assert len(made) < size
        boxes, scores, kinds = detector(tmp_path / "net8.onnx", 640)(scene)
        whole = detector(tmp_path / "net.onnx", 640)(scene)
        assert kinds[0] == whole[2][0] == PLATE
        assert iou(boxes[:1], plate)[0, 0] > 0.6
        assert scores[0] == pytest.approx(whole[1][0], abs=0.1)
