"""The witness: a network that is shown one place and says whether a head, a face, a plate is there.

It starts from the weights of a detector, whose layers to stride 8 it has, with one answer for the whole picture in the
place of maps, or from those of its own that ship.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from anonymize.data import Kind
from anonymize.detect.context.witness import SIDE, SPANS, cut_out, place, span
from training.degrade import STEPS, h264
from training.geometry import Floats, Picture
from training.model import Net
from training.places import ANYWHERE, FACE, HEAD, PLATE, Answers, Place
from training.rendered import Bank, replace_plate
from training.start import answers
from training.start import start as begin

ANSWERS = ("head", "face", "plate")
"""What the three answers are about, in their order, as in `training.places.Answers`."""
KIND = {FACE: Kind.FACE, HEAD: Kind.HEAD, PLATE: Kind.PLATE}
SHARES: dict[str, float] = {"face": 0.30, "nobody": 0.20, "behind": 0.15, "no plate": 0.15, "plate": 0.13, "head": 0.05}
"""How much of what is drawn is of which sort."""
WEIGHTS = {"oid_person": 2.0, "oid_mixed": 2.0, "coco_ccby": 2.0, "capstone": 1.5, "oid_neg": 1.5}
"""How often a place of a set is drawn, beside one of weight 1; what centerface found counts 1.6 times as much, a
labelled plate 3 times."""
DRAWN = 0.7
"""The share of labelled plates in whose place a drawn one is put: more designs than the photographs have. What
detectors found is left as it is."""
CUT = 0.3
"""The share of places that are shown as where a picture ends: there half of a face is a face, and detectors are
believed more easily (`anonymize.detect.multiscale.CUT_OFF`)."""
LEFT_OF = (0.4, 1.3)
"""How much of such a place the picture has, from one side on: from 1 on all of it, and less of what surrounds it."""
BEYOND = 0.08
"""The most that a find there reaches past the picture's border, as a share of its side."""
SMOOTH = 0.01
"""Labels are so far from 0 and 1: a few are wrong."""

WEAK = 0.65
"""Below this score the network is asked (`detect.alone`)."""

Load = Callable[[str], Picture]


class WitnessNet(nn.Module):
    """Pictures `(n, 3, SIDE, SIDE)`, BGR, 0-255 -> logits `(n, 3)` that a head, a face, a plate is there."""

    def __init__(self) -> None:
        super().__init__()
        self.net = Net()
        neck, deepest = self.net.shape.neck, self.net.shape.widths[3]
        self.fc = nn.Linear(2 * neck + 2 * deepest, 64)
        self.out = nn.Linear(64, 3)
        self.drop = nn.Dropout(0.2)

    def forward(self, picture: Tensor) -> Tensor:
        """See the class."""
        net = self.net
        x8 = net.down8(net.down4(torch.relu(net.stem(picture * (1 / 255)))))
        x16 = net.down16(x8)
        x32 = net.down32(x16)
        y16 = net.mix16(torch.relu(net.lateral16(x16) + net.up(net.lateral32(x32))))
        y8 = net.mix8(torch.relu(net.lateral8(x8) + net.up(y16)))
        middle, centre = y8[:, :, 4:8, 4:8].mean((2, 3)), x32[:, :, 1:2, 1:2].mean((2, 3))
        seen = torch.cat([middle, y8.amax((2, 3)), centre, x32.mean((2, 3))], 1)
        answers: Tensor = self.out(self.drop(torch.relu(self.fc(seen))))
        return answers


@dataclass(frozen=True, slots=True)
class Course:
    """How long and how fast; the rate rises over 100 steps and falls as a cosine."""

    steps: int = 7000
    batch: int = 96
    rate: float = 6e-4
    """Of the layers that the start brings; the new ones have `NEW` times as much."""
    seed: int = 0

    def rate_at(self, step: int) -> float:
        """The share of the rate in one step, from 1 on."""
        return min(1.0, step / 100) * max(0.003, 0.5 + 0.5 * math.cos(math.pi * step / self.steps))


NEW = 10 / 3


def train(
    known: Sequence[Place], load: Load, start: Path, course: Course, bank: Bank | None = None
) -> Iterator[tuple[int, float, WitnessNet]]:
    """Trains; yields each hundredth step, the mean loss of late, and the averaged network.

    Args:
        known: what is learnt from.
        load: a picture by the name of its image.
        start: checkpoint of a run of `train` with the smaller network, or an ONNX file as `training.start.start` takes.
        course: how long and how fast.
        bank: drawn plates, which take the place of a share `DRAWN` of the labelled ones.
    """
    torch.manual_seed(course.seed)
    rng, chances, lately = np.random.default_rng(course.seed), odds(known), 0.0

    def some() -> tuple[Tensor, list[Answers]]:
        places = [known[i] for i in rng.choice(len(known), course.batch, p=chances)]
        shown = np.stack([draw(load(one.image), one, rng, bank) for one in places]).transpose(0, 3, 1, 2)
        return torch.from_numpy(shown.astype(np.float32)), [one.answers for one in places]

    net, fresh = _begun(start, [some()[0] for _ in range(4)])
    average = WitnessNet()
    average.load_state_dict(net.state_dict())
    new = [*net.fc.parameters(), *net.out.parameters()]
    groups: list[dict[str, Any]] = [
        {"params": list(net.net.parameters()), "rate": course.rate},
        {"params": new, "rate": (NEW if fresh else 1) * course.rate},
    ]
    optimizer = torch.optim.AdamW(groups, lr=course.rate, weight_decay=0.02)
    for step in range(1, course.steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = group["rate"] * course.rate_at(step)
        shown, wanted = some()
        loss = unsure_loss(net(shown), wanted)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5)
        optimizer.step()
        lately = loss.item() if step == 1 else 0.98 * lately + 0.02 * loss.item()
        _follow(average, net, min(0.998, step / (step + 20)))
        if step % 100 == 0 or step == course.steps:
            yield step, lately, average


def _begun(start: Path, shown: Sequence[Tensor]) -> tuple[WitnessNet, bool]:
    """The network with the weights of `start`, and whether its last layers are new; `shown`: such as training shows."""
    net = WitnessNet()
    if start.suffix == ".pt":
        net.net.load_state_dict(torch.load(start, map_location="cpu", weights_only=True)["average"])
        return net, True
    begin(net.net, start, shown, net)
    known = answers(start)
    net.load_state_dict(net.state_dict() | known)
    return net, not known


def unsure_loss(logits: Tensor, answers: Sequence[Answers]) -> Tensor:
    """The mean cross entropy of all answers that somebody knows."""
    wanted = torch.tensor(answers, dtype=torch.float32)
    known = (wanted >= 0).float()
    target = wanted.clamp(min=0) * (1 - 2 * SMOOTH) + SMOOTH
    each = nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (each * known).sum() / known.sum()


def _follow(average: nn.Module, net: nn.Module, kept: float) -> None:
    with torch.no_grad():
        for mean, value in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
            if mean.dtype.is_floating_point:
                mean.mul_(kept).add_(value, alpha=1 - kept)
            else:
                mean.copy_(value)


def sort_of(one: Place) -> str:
    """The sort of a place, one of `SHARES`."""
    head, face, plate = one.answers
    if one.kind == PLATE:
        return "plate" if plate == 1 else "no plate"
    if face == 1:
        return "face"
    if head == 1:
        return "behind" if face == 0 else "head"
    return "nobody"


def odds(known: Sequence[Place]) -> npt.NDArray[np.float64]:
    """(N,) how likely each place is drawn; together 1."""
    more = {("centerface", FACE): 1.6, ("", PLATE): 3.0}
    weights = np.array([WEIGHTS.get(one.source, 1.0) * more.get((one.by, one.kind), 1.0) for one in known])
    sorts = np.array([sort_of(one) for one in known])
    chances = np.zeros(len(known))
    for sort, share in SHARES.items():
        of_it = sorts == sort
        chances[of_it] = share * weights[of_it] / max(weights[of_it].sum(), 1e-9)
    return np.asarray(chances / chances.sum())


def draw(picture: Picture, one: Place, rng: np.random.Generator, bank: Bank | None = None) -> Picture:
    """A place as it might look in another film: somewhat larger or smaller, turned, mirrored, spoilt, with a plate of
    `bank` now and then."""
    kind, box = KIND[one.kind], np.array(one.box, np.float32)
    if bank and one.answers[2] == 1 and not one.by and rng.random() < DRAWN:
        picture = picture.copy()
        x0, y0, x1, y1 = one.box
        quad = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
        replace_plate(picture, quad, bank.pick(max(0.3, (x1 - x0) / (y1 - y0)), rng), rng, 1.0)
    if rng.random() < CUT:
        picture, box = cut(picture, box, rng)
    wide = span(kind, box)
    centre = (box[:2] + box[2:]) / 2 + rng.normal(0, 0.09, 2) * wide / SPANS[kind]
    wide *= float(np.exp(rng.normal(0, 0.16)))
    angle = np.radians(_degrees(rng))
    mirror, stretch = (-1 if rng.random() < 0.5 else 1), np.exp(rng.normal(0, 0.08))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = (turn @ np.diag([mirror * stretch, 1])).astype(np.float32)
    drawn = cut_out(picture, centre.astype(np.float32), wide, linear)
    if rng.random() < 0.35:
        few = max(8, round(SIDE * rng.uniform(0.2, 0.8)))
        drawn = np.asarray(cv2.resize(drawn, (few, few), interpolation=cv2.INTER_AREA), dtype=np.uint8)
        drawn = np.asarray(cv2.resize(drawn, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    for chance, step in STEPS:
        if step is not h264 and rng.random() < 0.8 * chance:
            drawn = step(drawn, rng)
    return drawn


def cut(picture: Picture, box: Floats, rng: np.random.Generator) -> tuple[Picture, Floats]:
    """A part of `picture` that ends in or near `box` (4,), and what a detector would give of that there."""
    side, share = int(rng.integers(4)), float(rng.uniform(*LEFT_OF))
    along, near = side % 2, side < 2
    low, high = float(box[along]), float(box[along + 2])
    border = round(high - share * (high - low)) if near else round(low + share * (high - low))
    size = picture.shape[1 - along]
    if not 0 < border < size:
        return picture, box
    past, box = float(rng.uniform(0, BEYOND)) * (high - low), box.copy()
    kept = slice(border, size) if near else slice(0, border)
    picture = picture[:, kept] if along == 0 else picture[kept]
    if near:
        box[[along, along + 2]] = max(low - border, -past), high - border
    else:
        box[along + 2] = min(high, border + past)
    return picture, box


def _degrees(rng: np.random.Generator) -> float:
    """How far a place is turned: mostly hardly, at times as a head is bent, and at times anyhow, as people lie."""
    chance = rng.random()
    if chance < 0.12:
        return float(rng.uniform(-180, 180))
    return float(rng.uniform(-25, 25) if chance < 0.35 else rng.normal(0, 4))


class Deployed(nn.Module):
    """The network with the steps around it: pixels in, probabilities out."""

    def __init__(self, net: WitnessNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: Tensor) -> Tensor:
        """`(n, 3, SIDE, SIDE)` uint8 BGR -> `(n, 3)`, in the order of `ANSWERS`."""
        return torch.sigmoid(self.net(image.to(torch.float32)))


def export(net: WitnessNet, out: Path) -> None:
    """Writes `net` to `out`: input `image`, output `answers`; the number of pictures is free."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            Deployed(net).eval(),
            (torch.zeros(2, 3, SIDE, SIDE, dtype=torch.uint8),),
            str(out),
            input_names=["image"],
            output_names=["answers"],
            dynamic_axes={"image": {0: "places"}, "answers": {0: "places"}},
            opset_version=17,
            dynamo=False,
        )
    model = onnx.load(out)
    onnx.checker.check_model(model)
    model.metadata_props.add(key="kinds", value=",".join(ANSWERS))
    onnx.save(model, out)


def runner(path: Path) -> Callable[[Picture], npt.NDArray[np.float32]]:
    """The exported network: (3,) answers for one picture, the mean of it as it is and mirrored."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(picture: Picture) -> npt.NDArray[np.float32]:
        both = np.stack([picture, picture[:, ::-1]]).transpose(0, 3, 1, 2)
        (answers,) = session.run(None, {"image": np.ascontiguousarray(both)})
        return np.asarray(answers.mean(axis=0))

    return run


def measure(net: Callable[[Picture], npt.NDArray[np.float32]], kept: Sequence[Place], load: Load) -> dict[str, Any]:
    """How well finds are told: by detector and kind, the area under the curve, and what share of wrong finds falls
    where 99, 98 and 95% of right ones stay, by the score of the detector and by the network; the same for places in or
    near which the picture ends, as `cut` has it.

    Args:
        net: gives (3,) answers for a picture (SIDE, SIDE, 3).
        kept: places that it did not learn from.
        load: a picture by the name of its image.
    """
    tables: dict[str, Any] = {}
    for (kind, asked), ends in product(KIND.items(), (False, True)):
        column, rng = ANSWERS.index(asked.label), np.random.default_rng(0)
        of_it = [one for one in kept if one.kind == kind and one.by not in ("", ANYWHERE) and one.answers[column] >= 0]
        shown = ((load(one.image), np.array(one.box, np.float32)) for one in of_it)
        looks = (cut(picture, box, rng) if ends else (picture, box) for picture, box in shown)
        said = np.array([net(place(picture, asked, box))[column] for picture, box in looks])
        score, right = np.array([one.score for one in of_it]), np.array([one.answers[column] for one in of_it])
        by = np.array([one.by for one in of_it])
        for name, limit in ((name, limit) for name in sorted({*by.tolist()}) for limit in (1.1, WEAK)):
            some = (by == name) & (score < limit)
            if 0 < right[some].sum() < some.sum():
                where = " where the picture ends" if ends else ""
                tables[f"{name} {asked.plural}{where}" + (f" below {WEAK}" if limit == WEAK else "")] = {
                    "right": int(right[some].sum()),
                    "wrong": int((1 - right[some]).sum()),
                    "by score": told(right[some], score[some]),
                    "by network": told(right[some], said[some]),
                }
    return tables


def told(right: npt.NDArray[np.int64], by: npt.NDArray[np.float64]) -> dict[str, float]:
    """The area under the curve, and the share of wrong ones below the score of 99, 98 and 95% of right ones."""
    ranks = np.empty(len(by))
    ranks[np.argsort(by, kind="stable")] = np.arange(len(by))
    many, few = right.sum(), len(right) - right.sum()
    table = {"area": round(float((ranks[right == 1].sum() - many * (many - 1) / 2) / (many * few)), 3)}
    for stay in (0.99, 0.98, 0.95):
        cut = np.quantile(by[right == 1], 1 - stay)
        table[f"wrong that fall at {stay:.0%}"] = round(float((by[right == 0] < cut).mean()), 3)
    return table
