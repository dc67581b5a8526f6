"""A user's own network, as its card describes it (`anonymize.models.cards`).

A network of a fixed input size gets larger pictures in tiles of that size, and once more as a whole, made smaller, so
that it sees what is larger than a tile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.data import Detections
from anonymize.detect.detector import FLOOR, Picture, finds, up
from anonymize.detect.merge import fuse, suppress
from anonymize.detect.tiles import detect_tiled
from anonymize.errors import ModelError
from anonymize.kinds import Kind
from anonymize.models import Model, Session, Tensor, find, session
from anonymize.models.cards import Activation, Colours, Form, Outputs
from anonymize.settings import Device
from anonymize.text.ranges import brief
from anonymize.text.words import printable

OVERLAP = 0.45
"""Overlap (IoU) for non-maximum suppression, where the network does none itself."""
PROBABLE = 0.3
"""What is more probable than this in a map, and touches, is one thing."""
SLACK = 0.01
"""How far a probability may exceed 0 and 1: arithmetic of few bits does so."""
SIDES = (16, 4096)
"""Least and most pixels of each side of an input of fixed size."""
LARGEST = 1280
"""The longest side in pixels of a picture to pass at once, if the network's own input is no larger."""

Floats = NDArray[np.float32]
Arrays = Mapping[str, NDArray[np.generic]]


class Misfit(ModelError):
    """A network gives something other than its card says."""


class Own:
    """What a user's own model finds.

    Args:
        model: its registry entry, with its card.
        network: ready to run.

    Raises:
        Misfit: input or outputs are not what the card says.
    """

    def __init__(self, model: Model, network: Session) -> None:
        assert model.card is not None
        self.name, self._card, self._session = model.name, model.card, network
        self.device, self.sha256 = network.device_report, network.sha256
        self._kinds = model.card.of_class
        self.kinds = frozenset(self._kinds.values())
        self.min_size = model.card.sizes(model.card.smallest)
        self.max_reliable_size = model.card.sizes(model.card.largest)
        self._input = taken(network.takes(), self.name)
        if self._input.dtype is np.uint8 and not model.card.input.as_they_are:
            raise Misfit(
                f"{self.name}: its input is uint8, pixels as they are: leave scale, mean and std out of the card"
            )
        self._names = named(model.card.outputs, network.gives(), self.name)
        height, width = self._input.shape[2:]
        self._fixed = (height, width) if isinstance(height, int) and isinstance(width, int) else None
        self.max_input_side = max(LARGEST, *self._fixed) if self._fixed else model.card.input.side
        _refuse_oversized(self.min_size, min(self._fixed) if self._fixed else model.card.input.side, self.name)

    @property
    def any_size(self) -> bool:
        """Whether the network takes pictures of any size."""
        return self._fixed is None

    def detect(self, picture: Picture) -> Detections:
        """What it finds in `picture`. See `anonymize.detect.Detector.detect`."""
        height, width = picture.shape[:2]
        if self._fixed is None or (height <= self._fixed[0] and width <= self._fixed[1]):
            return self._at_once(picture)
        share = min(self._fixed[0] / height, self._fixed[1] / width)
        size = max(1, int(width * share)), max(1, int(height * share))
        smaller = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
        whole = self._at_once(smaller).moved((width / size[0], height / size[1]), (0.0, 0.0))
        return fuse(Detections.concatenate([detect_tiled(self, picture, min(self._fixed)), whole]))

    def least_score(self, picture: Picture) -> float:
        """The least score that the network gives in as much of `picture` as fits into its input; 0 if it gives none."""
        high, wide = self._fixed or picture.shape[:2]
        outputs, size = self._given(picture[:high, :wide])
        scores = decoded(self._card.outputs, outputs, size, self.name).scores
        return float(scores.min()) if scores.size else 0.0

    def _at_once(self, picture: Picture) -> Detections:
        outputs, size = self._given(picture)
        return self.found(outputs, size, picture.shape[:2])

    def _given(self, picture: Picture) -> tuple[Arrays, tuple[int, int]]:
        """What the network gives for `picture`, by name, and the height and width of its input."""
        blob = self._blob(picture)
        names = list(self._names)
        outputs = dict(zip(names, self._session.run(names, {self._input.name: blob}), strict=True))
        return outputs, (blob.shape[2], blob.shape[3])

    def found(self, outputs: Arrays, size: tuple[int, int], within: tuple[int, ...]) -> Detections:
        """The finds in what the network gave.

        Args:
            outputs: by name.
            size: height and width of its input in pixels.
            within: height and width of the picture, which is at the top left of the input.

        Raises:
            Misfit: an output has another shape than the card says, or is no number.
        """
        boxes, scores, labels = decoded(self._card.outputs, outputs, size, self.name)
        parts = []
        for number, kind in self._kinds.items():
            score = scores[:, number] if labels is None else np.where(labels == number, scores[:, 0], 0)
            rows = np.flatnonzero(score >= FLOOR)
            box = boxes[rows].astype(np.float32)
            if np.isnan(box).any():
                raise Misfit(f"{self.name}: the network gives boxes that are no numbers (NaN)")
            inside = (box[:, 0] < within[1]) & (box[:, 1] < within[0]) & (box[:, 2:] > 0).all(axis=1)
            parts.append(finds(box[inside], score[rows][inside].astype(np.float32), kind))
        return suppress(Detections.concatenate(parts), OVERLAP)

    def _blob(self, picture: Picture) -> NDArray[np.generic]:
        """`picture` as the network's input: at the top left, padded to the right and below."""
        given = self._card.input
        height, width = self._fixed or tuple(up(max(side, given.least), given.multiple) for side in picture.shape[:2])
        planes = picture[..., ::-1] if given.colours is Colours.RGB else picture
        if self._input.dtype is np.uint8:
            raw = np.full((1, 3, height, width), round(given.padding), np.uint8)
            raw[0, :, : picture.shape[0], : picture.shape[1]] = planes.transpose(2, 0, 1)
            return raw
        scale = (np.float32(given.scale) / np.array(given.std, np.float32)).reshape(3, 1, 1)
        shift = (np.array(given.mean, np.float32) / np.array(given.std, np.float32)).reshape(3, 1, 1)
        blob = np.empty((1, 3, height, width), np.float32)
        blob[0] = given.padding * scale - shift
        blob[0, :, : picture.shape[0], : picture.shape[1]] = planes.transpose(2, 0, 1) * scale - shift
        return blob.astype(self._input.dtype, copy=False)

    def release_memory(self) -> None:
        """Release the network's memory."""
        self._session.release_memory(up(self._card.input.least, self._card.input.multiple))


def own(name: str, threads: int, device: Device) -> Own:
    """The user's own model `name`. Raises `ModelError`."""
    return Own(find(name), session(name, threads, device))


def taken(inputs: list[Tensor], name: str) -> Tensor:
    """The one input of a network. Raises `Misfit` if it is not a picture."""
    if len(inputs) != 1:
        raise Misfit(
            f"{name}: expected one input, a picture; got {_listed(inputs)}. Export it without pre- and post-processing"
        )
    (one,) = inputs
    fits = len(one.shape) == 4 and all(
        not isinstance(side, int) or side == wanted for side, wanted in zip(one.shape, (1, 3), strict=False)
    )
    if not fits or one.numbers not in ("tensor(float)", "tensor(float16)", "tensor(uint8)"):
        raise Misfit(f"{name}: expected an input (1, 3, height, width) of float, float16 or uint8; got {one}")
    sides = [side for side in one.shape[2:] if isinstance(side, int)]
    if len(sides) == 1 or not all(SIDES[0] <= side <= SIDES[1] for side in sides):
        raise Misfit(
            f"{name}: expected an input whose height and width are both any, or both "
            f"{SIDES[0]} to {SIDES[1]}; got {one}"
        )
    return one


def _refuse_oversized(sizes: Mapping[Kind, float], most: int, name: str) -> None:
    """Raise `Misfit` if what is found reliably does not fit into a network's input of `most` pixels."""
    for kind, size in sizes.items():
        if size >= most:
            raise Misfit(
                f"{name}: smallest.{kind.label} = {size:g} does not fit into its input of {most} pixels: expected the "
                "size in pixels of the input from which on it finds them"
            )


def named(card: Outputs, outputs: list[Tensor], name: str) -> list[str]:
    """The names of the outputs to use, in the order boxes, scores, labels. Raises `Misfit`."""
    wanted = [word for word in (card.boxes, card.scores, card.labels) if word]
    there = {one.name: one for one in outputs}
    for word in wanted:
        if word not in there:
            raise Misfit(f"{name}: its card names an output {_word(word)!r}; the file gives {_listed(outputs)}")
    if len(set(wanted)) < len(wanted):
        raise Misfit(f"{name}: its card names one output twice: {', '.join(map(_word, wanted))}")
    apart = card.form in (Form.QUERIES, Form.BOXES) and (len(outputs) > 1 if not wanted else bool(wanted[1:]))
    if not apart:
        if len(wanted or outputs) != 1:
            raise Misfit(
                f"{name}: {card.form.value} has one output; the file gives {_listed(outputs)}. Name it in the card, "
                'as boxes = "..." under [outputs]'
            )
        return wanted or [outputs[0].name]
    if card.form is Form.BOXES and card.boxes and card.labels and not card.scores:
        return wanted  # scores beside the boxes
    if not (card.boxes and card.scores) or (card.form is Form.BOXES and card.classes > 1 and not card.labels):
        labels = "" if card.form is Form.QUERIES or card.classes == 1 else " and labels"
        raise Misfit(
            f"{name}: {card.form.value} needs the names of its boxes, scores{labels} in the card, under [outputs]; the "
            f"file gives {_listed(outputs)}"
        )
    return wanted


def decoded(card: Outputs, outputs: Arrays, size: tuple[int, int], name: str) -> Raw:
    """Boxes, scores and labels from a network's outputs.

    Args:
        card: what they are.
        outputs: by name, in the order boxes, scores, labels.
        size: height and width of the input in pixels.
        name: of the model, for messages.

    Raises:
        Misfit: a shape is another one, or a score is no probability.
    """
    raw = _DECODERS[card.form](card, _Given(name, outputs), size)
    # What is left over of a fixed number of boxes has a score of -1
    _refuse_improbable(raw.scores, -1.0 if card.form is Form.BOXES else -SLACK, name)
    if raw.labels is not None and not np.isin(raw.labels[raw.scores[:, 0] >= FLOOR], range(card.classes)).all():
        raise Misfit(f"{name}: expected classes from 0 to {card.classes - 1}, the network gives {raw.labels.max():g}")
    return raw


def _refuse_improbable(scores: Floats, least: float, name: str) -> None:
    """Raise `Misfit` unless all `scores` are probabilities, or at least `least`."""
    if not np.isfinite(scores).all():
        raise Misfit(f"{name}: the network gives scores that are no numbers (NaN or infinite)")
    low, high = float(scores.min(initial=0)), float(scores.max(initial=0))
    if low < least or high > 1 + SLACK:
        raise Misfit(
            f"{name}: expected scores from 0 to 1, the network gives {low:.3g} to {high:.3g}: if it leaves that out, "
            f'write activation = "sigmoid" under [outputs] in the card of {name} ("softmax" for queries with a class '
            "for nothing), and import it again"
        )


class Raw(NamedTuple):
    """Boxes (N, 4) in pixels of the input; scores (N, classes), or (N, 1) with labels (N,)."""

    boxes: Floats
    scores: Floats
    labels: NDArray[np.generic] | None = None


class _Given:
    """What a network gave, in the order boxes, scores, labels."""

    def __init__(self, name: str, outputs: Arrays) -> None:
        self.name, self._outputs = name, outputs
        self.arrays = list(outputs.values())
        for output, array in outputs.items():
            if not isinstance(array, np.ndarray):  # a sequence, a dictionary, or nothing
                raise Misfit(f"{name}: expected arrays, the network gives {_word(output)}, a {type(array).__name__}")

    def shaped(self, what: str, *shapes: tuple[int | None, ...], batch: bool = True) -> list[Floats]:
        """The outputs as numbers without their first axis.

        Args:
            what: the shapes in words, for the message.
            shapes: of each output; None is any size.
            batch: whether the first axis, of length 1, must be there.

        Raises:
            Misfit: one has another shape.
        """
        made = []
        for array, shape in zip(self.arrays, shapes, strict=True):
            if array.dtype.kind not in "fiu":
                raise Misfit(f"{self.name}: expected numbers, the network gives {self._listed()}")
            first = array.ndim == len(shape) + 1 and len(array) == 1
            inner = array[0] if first else array
            fits = inner.ndim == len(shape) and (first or not batch)
            if not fits or any(want not in (None, side) for side, want in zip(inner.shape, shape, strict=True)):
                wanted = " and ".join(_sides((1, *one) if batch else one) for one in shapes)
                raise Misfit(f"{self.name}: expected {what}, that is {wanted}; the network gives {self._listed()}")
            made.append(inner.astype(np.float32, copy=False))
        return made

    def _listed(self) -> str:
        return ", ".join(f"{_word(name)} {one.shape} {one.dtype}" for name, one in self._outputs.items())


def _yolox(card: Outputs, given: _Given, size: tuple[int, int]) -> Raw:
    places, strides = _grid(card.levels, size, 0.0)
    cells = None if card.decoded else len(places)
    (raw,) = given.shaped("(1, cells, 5 + classes)", (cells, 5 + card.classes))
    boxes = raw[:, :4]
    if not card.decoded:
        with np.errstate(over="ignore"):  # `finds` drops absurd, infinite sizes
            boxes = np.concatenate([boxes[:, :2] * strides + places, np.exp(boxes[:, 2:]) * strides], axis=1)
    chance = _activated(raw[:, 4:], card.activated)
    return Raw(_corners(boxes), chance[:, :1] * chance[:, 1:])


def _yolov8(card: Outputs, given: _Given, _: tuple[int, int]) -> Raw:
    (raw,) = given.shaped("(1, 4 + classes, cells)", (4 + card.classes, None))
    return Raw(_corners(raw[:4].T), _activated(raw[4:].T, card.activated))


def _nanodet(card: Outputs, given: _Given, size: tuple[int, int]) -> Raw:
    places, strides = _grid(card.levels, size, card.centre)
    bins = max(2, (given.arrays[0].shape[-1] - card.classes) // 4) if given.arrays[0].ndim else 2
    (raw,) = given.shaped("(1, cells, classes + 4 x bins)", (len(places), card.classes + 4 * bins))
    share = _softmax(raw[:, card.classes :].reshape(len(raw), 4, bins))
    away = (share @ np.arange(bins, dtype=np.float32)) * strides
    boxes = np.concatenate([places - away[:, :2], places + away[:, 2:]], axis=1)
    return Raw(boxes, _activated(raw[:, : card.classes], card.activated))


def _queries(card: Outputs, given: _Given, size: tuple[int, int]) -> Raw:
    count = given.arrays[0].shape[1] if given.arrays[0].ndim > 1 else None
    width = card.classes + (card.activated is Activation.SOFTMAX)
    if len(given.arrays) == 1:
        (rows,) = given.shaped("(1, queries, 4 + classes)", (None, 4 + width))
        boxes, scores = rows[:, :4], rows[:, 4:]
    else:
        boxes, scores = given.shaped("(1, queries, 4) and (1, queries, classes)", (count, 4), (count, width))
    return Raw(_placed(boxes, card, size), _activated(scores, card.activated))


def _boxes(card: Outputs, given: _Given, size: tuple[int, int]) -> Raw:
    if len(given.arrays) == 1:
        (rows,) = given.shaped("(N, 6): box, score, class", (None, 6), batch=False)
        return Raw(_placed(rows[:, :4], card, size), _activated(rows[:, 4:5], card.activated), np.rint(rows[:, 5]))
    count = given.arrays[0].shape[-2] if given.arrays[0].ndim > 1 else None
    if card.labels and not card.scores:
        rows, found = given.shaped("(N, 5), (N): box and score, class", (count, 5), (count,), batch=False)
        return Raw(_placed(rows[:, :4], card, size), _activated(rows[:, 4:], card.activated), np.rint(found))
    shapes = ((count, 4), (count,), (count,))[: len(given.arrays)]
    boxes, scores, *labels = given.shaped("(N, 4), (N), (N): boxes, scores, classes", *shapes, batch=False)
    found = np.rint(labels[0]) if labels else np.zeros(len(boxes), np.float32)
    return Raw(_placed(boxes, card, size), _activated(scores[:, None], card.activated), found)


def _map(card: Outputs, given: _Given, size: tuple[int, int]) -> Raw:
    (planes,) = given.shaped("(1, classes, height, width)", (card.classes, None, None))
    planes = _activated(planes, card.activated)
    _refuse_improbable(planes, -SLACK, given.name)
    step = np.array([size[1] / planes.shape[2], size[0] / planes.shape[1]] * 2, np.float32)
    boxes, scores, labels = [np.zeros((0, 4), np.float32)], [np.zeros(0)], [np.zeros(0)]
    for number, plane in enumerate(planes):
        count, parts, found, _ = cv2.connectedComponentsWithStats((plane > PROBABLE).astype(np.uint8), connectivity=8)
        left, top, width, height, area = found[1:, :5].T
        places = np.stack([left, top, left + width, top + height], axis=1) * step
        wide, high = (places[:, 2:] - places[:, :2]).T
        out = (card.grow * wide * high / (2 * np.maximum(wide + high, 1)))[:, None]
        boxes.append(np.concatenate([places[:, :2] - out, places[:, 2:] + out], axis=1).astype(np.float32))
        scores.append(np.bincount(parts.ravel(), plane.ravel(), minlength=count)[1:] / np.maximum(area, 1))
        labels.append(np.full(count - 1, number))
    return Raw(np.concatenate(boxes), np.concatenate(scores)[:, None].astype(np.float32), np.concatenate(labels))


_DECODERS: dict[Form, Callable[[Outputs, _Given, tuple[int, int]], Raw]] = {
    Form.YOLOX: _yolox,
    Form.YOLOV8: _yolov8,
    Form.NANODET: _nanodet,
    Form.QUERIES: _queries,
    Form.BOXES: _boxes,
    Form.MAP: _map,
}


def _grid(levels: Sequence[int], size: tuple[int, int], centre: float) -> tuple[Floats, Floats]:
    """Of each cell of all levels, row by row: its place (x, y) in pixels (N, 2), and its stride (N, 1).

    Args:
        levels: pixels per cell of each.
        size: height and width of the input in pixels.
        centre: where in a cell its place is, as a share of its side.
    """
    places, strides = [], []
    for stride in levels:
        rows, columns = -(-size[0] // stride), -(-size[1] // stride)
        y, x = np.divmod(np.arange(rows * columns), columns)
        places.append((np.stack([x, y], axis=1) + centre) * stride)
        strides.append(np.full((rows * columns, 1), stride))
    return np.concatenate(places).astype(np.float32), np.concatenate(strides).astype(np.float32)


def _placed(boxes: Floats, card: Outputs, size: tuple[int, int]) -> Floats:
    """Boxes as the card says they are, as corners in pixels."""
    corners = boxes if card.in_corners else _corners(boxes)
    return corners * np.array([size[1], size[0]] * 2, np.float32) if card.in_shares else corners


def _corners(boxes: Floats) -> Floats:
    """Left, top, right, bottom of boxes given by centre and size."""
    half = boxes[:, 2:] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)


def _activated(scores: Floats, how: Activation) -> Floats:
    """Probabilities; of a softmax without the last class, which is for nothing."""
    if how is Activation.SIGMOID:
        with np.errstate(over="ignore"):
            return np.asarray(1 / (1 + np.exp(-scores)), np.float32)
    return _softmax(scores)[:, :-1] if how is Activation.SOFTMAX else scores


def _softmax(values: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        power = np.exp(values - values.max(axis=-1, keepdims=True))
    made: Floats = power / power.sum(axis=-1, keepdims=True)
    return made


def _word(name: str) -> str:
    """The name of an output, for messages."""
    return brief(printable(name), 40)


def _sides(shape: Sequence[int | None]) -> str:
    return f"({', '.join('any' if side is None else str(side) for side in shape)})"


def _listed(tensors: Sequence[Tensor]) -> str:
    return ", ".join(map(str, tensors[:8])) + (f" and {len(tensors) - 8} more" if len(tensors) > 8 else "") or "none"
