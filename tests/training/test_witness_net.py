"""The network that is asked about one place: what it is taught, and the file that is made of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from anonymize import models
from training.places import FACE, HEAD, PLATE, Answers, Place
from training.sources import KINDS

torch = pytest.importorskip("torch", reason="PyTorch is not installed (dependency group `training`)")

SIDE = 96


def known(kind: int, answers: Answers, by: str = "argus2", source: str = "capstone", score: float = 0.5) -> Place:
    return Place("a.png", source, (40, 40, 60, 60), kind, score, by, answers)


def test_each_sort_has_its_share_and_within_it_sets_and_detectors_have_theirs() -> None:
    from training.witness import SHARES, WEIGHTS, odds, sort_of

    of_each = {
        "face": known(FACE, (1, 1, 0)),
        "nobody": known(HEAD, (0, 0, -1)),
        "behind": known(HEAD, (1, 0, 0)),
        "no plate": known(PLATE, (-1, -1, 0)),
        "plate": known(PLATE, (0, 0, 1)),
        "head": known(HEAD, (1, -1, 0)),
    }
    assert {name: sort_of(one) for name, one in of_each.items()} == {name: name for name in SHARES}
    assert sort_of(known(FACE, (-1, 0, -1))) == "nobody"
    some = [*of_each.values(), replace(of_each["face"], source="cars433"), replace(of_each["face"], by="centerface")]
    chances = dict(zip(range(len(some)), odds(some), strict=True))
    assert sum(chances.values()) == pytest.approx(1)
    assert chances[4] / chances[1] == pytest.approx(SHARES["plate"] / SHARES["nobody"])
    assert chances[0] / chances[6] == pytest.approx(WEIGHTS["capstone"])
    assert chances[7] / chances[0] == pytest.approx(1.6)


def test_what_nobody_knows_is_not_learnt() -> None:
    from training.witness import unsure_loss

    logits = torch.tensor([[5.0, -5.0, 3.0], [2.0, 1.0, -4.0]], requires_grad=True)
    loss = unsure_loss(logits, [(1, 0, -1), (-1, -1, 0)])
    loss.backward()
    assert logits.grad is not None
    assert (logits.grad != 0).tolist() == [[True, True, False], [False, False, True]]
    assert unsure_loss(logits, [(0, 1, -1), (-1, -1, 1)]).item() > 10 * loss.item()


def test_what_is_drawn_shows_the_place_in_the_middle() -> None:
    from training.witness import draw

    picture = np.full((200, 300, 3), 40, np.uint8)
    picture[80:120, 130:170] = 240
    seen = [
        draw(picture, replace(known(HEAD, (1, 0, 0)), box=(130, 80, 170, 120)), np.random.default_rng(n))
        for n in range(40)
    ]
    mean = np.mean(seen, axis=(0, 3))
    middle, corner = mean[40:56, 40:56].mean(), mean[:16, :16].mean()
    assert middle > corner + 60
    assert len({one.tobytes() for one in seen}) == 40
    again = draw(picture, replace(known(HEAD, (1, 0, 0)), box=(130, 80, 170, 120)), np.random.default_rng(0))
    assert (again == seen[0]).all(), "equal seeds, equal places"


@pytest.mark.parametrize("seed", range(24))
def test_a_place_where_the_picture_ends_is_cut_and_lies_where_it_lay(seed: int) -> None:
    from training.witness import BEYOND, LEFT_OF, cut

    across, down = np.meshgrid(np.arange(300), np.arange(200))
    picture = np.stack([across % 256, across // 256, down], axis=2).astype(np.uint8)
    box = np.array([120, 80, 180, 110], np.float32)
    ended, moved = cut(picture, box, np.random.default_rng(seed))
    assert box.tolist() == [120, 80, 180, 110], "the box itself is left as it is"
    assert (ended.shape[0] < 200) != (ended.shape[1] < 300), "it ends on one side"
    y0, x0 = int(ended[0, 0, 2]), int(ended[0, 0, 0]) + 256 * int(ended[0, 0, 1])
    left, top, right, bottom = (moved + np.array([x0, y0, x0, y0])).tolist()
    height, width = ended.shape[:2]
    inside = min(right, x0 + width) - max(left, x0), min(bottom, y0 + height) - max(top, y0)
    along = 0 if width < 300 else 1
    side = (60, 30)[along]
    assert inside[1 - along] == (60, 30)[1 - along]
    assert LEFT_OF[0] * side - 1 <= inside[along] <= side
    assert 0 <= (right - left, bottom - top)[along] - inside[along] <= BEYOND * side + 0.01
    if inside[along] < side:
        assert (left, top, right, bottom)[along] == pytest.approx(
            (120, 80)[along] if (x0, y0)[along] == 0 else (x0, y0)[along] + min(moved[along], 0), abs=0.01
        )


def test_a_share_of_all_places_is_shown_where_the_picture_ends() -> None:
    from training.witness import CUT, draw

    picture, one = np.full((400, 400, 3), 200, np.uint8), replace(known(FACE, (1, 1, 0)), box=(180, 180, 220, 220))
    seen = [draw(picture, one, np.random.default_rng(n)) for n in range(300)]
    ended = sum(int(any(part.max() < 60 for part in (s[:8], s[-8:], s[:, :8], s[:, -8:]))) for s in seen) / 300
    assert CUT - 0.08 < ended < CUT + 0.04


def test_labelled_plates_are_drawn_anew_in_part_and_finds_are_left_as_they_are() -> None:
    from training.rendered import draw_bank
    from training.witness import DRAWN, draw

    grey, bank = np.full((200, 300, 3), 120, np.uint8), draw_bank(24)
    label = replace(known(PLATE, (0, 0, 1), by=""), box=(110, 90, 190, 110))
    lettered = sum(
        int(np.ptp(draw(grey, label, np.random.default_rng(n), bank)[44:52, 38:58]) > 60) for n in range(200)
    )
    plain = sum(int(np.ptp(draw(grey, label, np.random.default_rng(n))[44:52, 38:58]) > 60) for n in range(200))
    assert 0.4 * DRAWN < (lettered - plain) / 200 < DRAWN + 0.1
    found = replace(label, by="argus")
    for n in range(20):
        bare, same = (draw(grey, found, np.random.default_rng(n), some) for some in (None, bank))
        assert (bare == same).all()
    assert (grey == 120).all(), "the picture itself is left as it is"


def test_a_short_course_learns_and_its_file_says_what_the_network_says(tmp_path: Path) -> None:
    """From two sorts of places, bright and dark: the loss falls, and the exported file tells them apart."""
    from training.model import Net
    from training.witness import Course, Deployed, export, measure, runner, train

    torch.set_num_threads(1)
    torch.manual_seed(3)
    torch.save({"average": Net().state_dict()}, tmp_path / "last.pt")
    rng = np.random.default_rng(5)
    pictures = {
        "bright": rng.integers(150, 255, (160, 160, 3), np.uint8),
        "dark": rng.integers(0, 90, (160, 160, 3), np.uint8),
    }
    some = [
        replace(known(HEAD, (1, 1, 0)), image="bright", box=(60, 60, 100, 100)),
        replace(known(HEAD, (0, 0, 0)), image="dark", box=(50, 60, 90, 100)),
    ]
    steps = [
        (step, loss, net)
        for step, loss, net in train(
            some, pictures.__getitem__, tmp_path / "last.pt", Course(steps=130, batch=8, rate=2e-3)
        )
    ]
    assert [step for step, _, _ in steps] == [100, 130]
    assert steps[-1][1] < 0.45, "0.69 knows nothing"
    out = tmp_path / "made.onnx"
    export(steps[-1][2], out)
    run = runner(out)
    assert [(one.key, one.value) for one in onnx.load(out).metadata_props] == [("kinds", "head,face,plate")]
    crop = pictures["bright"][:SIDE, :SIDE]
    with torch.inference_mode():
        both = torch.from_numpy(np.stack([crop, crop[:, ::-1]]).transpose(0, 3, 1, 2).copy())
        wanted = Deployed(steps[-1][2]).eval()(both).mean(0).numpy()
    assert run(crop) == pytest.approx(wanted, abs=1e-3)
    assert run(crop)[0] > 0.6 > 0.4 > run(pictures["dark"][:SIDE, :SIDE])[0]
    kept = [replace(one, score=score, by="argus2") for one in some for score in (0.3, 0.6, 0.9)]
    tables = measure(run, kept, pictures.__getitem__)
    assert tables["argus2 heads"]["right"] == tables["argus2 heads"]["wrong"] == 3
    assert tables["argus2 heads below 0.65"]["right"] == 2
    assert tables["argus2 heads where the picture ends"]["wrong"] == 3
    assert tables["argus2 heads"]["by network"] == {"area": 1.0} | {
        f"wrong that fall at {n}%": 1.0 for n in (99, 98, 95)
    }


@pytest.mark.parametrize(("name", "new"), [("argus-place", False), ("argus2", True)])
def test_it_begins_with_what_ships(name: str, new: bool) -> None:
    import onnxruntime

    from training.witness import Deployed, _begun

    torch.manual_seed(1)
    shipped = Path(models.__file__).with_name(f"{name}.onnx")
    places = torch.nn.functional.interpolate(torch.randint(0, 256, (24, 3, 12, 12)).float(), size=(SIDE, SIDE))
    net, fresh = _begun(shipped, [places])
    assert fresh is new
    if not new:
        (wanted,) = onnxruntime.InferenceSession(shipped).run(None, {"image": places.byte().numpy()})
        with torch.inference_mode():
            got = Deployed(net).eval()(places.byte())
            net.net.train()
            trains = torch.sigmoid(net(places))
        np.testing.assert_allclose(got, wanted, atol=1e-4)
        assert float((trains - got).abs().median()) < 0.1, "a batch's own statistics are about those it was set to"


def test_the_area_under_the_curve_and_what_falls() -> None:
    from training.witness import told

    right, by = np.array([1] * 100 + [0] * 100), np.concatenate([np.linspace(0.5, 1, 100), np.linspace(0, 0.6, 100)])
    table = told(right, by)
    assert 0.9 < table["area"] < 1
    assert table["wrong that fall at 99%"] == pytest.approx(0.505 / 0.6, abs=0.02)
    assert table["wrong that fall at 95%"] > table["wrong that fall at 99%"]
    assert KINDS[FACE] == "face"
