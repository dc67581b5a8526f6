"""Small ONNX networks that really find bright red and blue squares, one for each form that a card can describe.

Around each cell they take the mean of what is bright, and of its place, in a window. From these follow middle and side
of the square in it, exactly, as long as it is the only one in the window. Class 0 is what is bright in the first plane
of the input, class 1 in the last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

WINDOWS = {8: 48, 16: 80, 32: 160, 64: 320}
"""Stride -> side in pixels of the window around each cell."""
SIDES = {8: (5.0, 24.0), 16: (24.0, 44.0), 32: (44.0, 90.0), 64: (90.0, 180.0)}
"""Stride -> which squares its cells find, by side in pixels."""
QUERIES = 40
FLOAT = TensorProto.FLOAT


@dataclass
class Graph:
    """A graph in the making: each method adds a node and returns the name of its output."""

    nodes: list[Any] = field(default_factory=list)
    weights: list[Any] = field(default_factory=list)

    def const(self, value: Any, dtype: type = np.float32) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def add(self, op: str, *inputs: Any, outputs: int = 1, **attributes: Any) -> Any:
        names = [one if isinstance(one, str) else self.const(one) for one in inputs]
        made = [f"n{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, names, made, **attributes))
        return made[0] if outputs == 1 else made

    def total(self, *names: str) -> str:
        """The sum."""
        first, *others = names
        for other in others:
            first = self.add("Add", first, other)
        return first


@dataclass(frozen=True)
class Found:
    """Of all cells, (cells,) each: middle x and y, side, probability of class 0 and 1, place x and y, stride.

    And the whole masks of both classes, (1, 1, height, width) each.
    """

    x: str
    y: str
    side: str
    chances: tuple[str, str]
    place: tuple[str, str]
    stride: str
    masks: tuple[str, str]


def cells(graph: Graph, picture: str, strides: Sequence[int], bright: float, centre: float) -> Found:
    """What the cells of each stride see in `picture`, whose planes exceed `bright` where something is."""
    planes = [
        graph.add(
            "Slice", picture, graph.const([i], np.int64), graph.const([i + 1], np.int64), graph.const([1], np.int64)
        )
        for i in (0, 2)
    ]
    masks = [graph.add("Cast", graph.add("Greater", plane, bright), to=FLOAT) for plane in planes]
    mask = graph.add("Max", *masks)
    ones = graph.add("Add", graph.add("Mul", mask, 0.0), 1.0)
    across, down = (graph.add("Sub", graph.add("CumSum", ones, graph.const(axis, np.int64)), 0.5) for axis in (3, 2))
    parts: list[list[str]] = [[] for _ in range(8)]
    for stride in strides:
        window = WINDOWS[stride]
        ends = (window - stride) // 2

        def mean(name: str, window: int = window, stride: int = stride, ends: int = ends) -> str:
            for axis in (0, 1):  # first along columns, then along rows: far quicker than both at once
                kernel, steps, pads = [1, 1], [1, 1], [0, 0, 0, 0]
                kernel[axis], steps[axis], pads[axis], pads[axis + 2] = window, stride, ends, ends
                name = graph.add(
                    "AveragePool", name, kernel_shape=kernel, strides=steps, pads=pads, count_include_pad=1
                )
            return name

        share = mean(mask)
        x, y = (
            graph.add("Div", mean(graph.add("Mul", mask, place)), graph.add("Add", share, 1e-9))
            for place in (across, down)
        )
        side = graph.add("Mul", graph.add("Sqrt", share), float(window))
        here = graph.add("Add", graph.add("Mul", share, 0.0), 1.0)
        column, row = (graph.add("Sub", graph.add("CumSum", here, graph.const(axis, np.int64)), 1.0) for axis in (3, 2))
        near = [
            graph.add(
                "Less",
                graph.add("Abs", graph.add("Sub", one, graph.add("Mul", graph.add("Add", cell, 0.5), float(stride)))),
                stride / 2 + 0.01,
            )
            for one, cell in ((x, column), (y, row))
        ]
        low, high = SIDES[stride]
        sized = [graph.add("Greater", side, low), graph.add("Less", side, high)]
        mine = graph.add("Cast", graph.add("And", graph.add("And", *near), graph.add("And", *sized)), to=FLOAT)
        chances = [
            graph.add(
                "Mul",
                graph.add("Mul", mine, 0.9),
                graph.add(
                    "Cast",
                    graph.add("Greater", graph.add("Div", mean(one), graph.add("Add", share, 1e-9)), 0.5),
                    to=FLOAT,
                ),
            )
            for one in masks
        ]
        places = [graph.add("Mul", graph.add("Add", cell, centre), float(stride)) for cell in (column, row)]
        for kept, one in zip(
            parts, (x, y, side, *chances, *places, graph.add("Mul", here, float(stride))), strict=True
        ):
            kept.append(graph.add("Reshape", one, graph.const([-1], np.int64)))
    x, y, side, first, second, left, top, stride_of = (
        one[0] if len(one) == 1 else graph.add("Concat", *one, axis=0) for one in parts
    )
    return Found(x, y, side, (first, second), (left, top), stride_of, (masks[0], masks[1]))


def columns(graph: Graph, *names: str) -> str:
    """(1, cells, columns) from (cells,) each."""
    made: str = graph.add(
        "Unsqueeze",
        graph.add("Concat", *(graph.add("Unsqueeze", one, graph.const([1], np.int64)) for one in names), axis=1),
        graph.const([0], np.int64),
    )
    return made


def yolox(graph: Graph, found: Found, *_: Any) -> list[str]:
    xy = [
        graph.add("Div", graph.add("Sub", one, place), found.stride)
        for one, place in zip((found.x, found.y), found.place, strict=True)
    ]
    size = graph.add("Log", graph.add("Add", graph.add("Div", found.side, found.stride), 1e-6))
    any_of = graph.add("Max", *found.chances)
    each = [graph.add("Cast", graph.add("Greater", one, 0.0), to=FLOAT) for one in found.chances]
    return [columns(graph, *xy, size, size, any_of, *each)]


def yolov8(graph: Graph, found: Found, *_: Any) -> list[str]:
    return [
        graph.add("Transpose", columns(graph, found.x, found.y, found.side, found.side, *found.chances), perm=[0, 2, 1])
    ]


def nanodet(graph: Graph, found: Found, *_: Any) -> list[str]:
    half = graph.add("Mul", found.side, 0.5)
    (x, y), (left, top) = (found.x, found.y), found.place
    edges = (
        graph.add("Sub", left, graph.add("Sub", x, half)),
        graph.add("Sub", top, graph.add("Sub", y, half)),
        graph.add("Sub", graph.add("Add", x, half), left),
        graph.add("Sub", graph.add("Add", y, half), top),
    )
    bins = []
    for edge in edges:
        away = graph.add("Div", edge, found.stride)
        for number in range(8):  # a softmax of these gives the two bins around it their shares
            share = graph.add("Sub", 1.0, graph.add("Abs", graph.add("Sub", away, float(number))))
            bins.append(graph.add("Log", graph.add("Max", share, 1e-12)))
    return [columns(graph, *found.chances, *bins)]


def _best(graph: Graph, found: Found) -> list[str]:
    """The best cells: x, y, side and both chances of each."""
    score = graph.add("Max", *found.chances)
    _, best = graph.add("TopK", score, graph.const([QUERIES], np.int64), outputs=2)
    return [graph.add("Gather", one, best) for one in (found.x, found.y, found.side, *found.chances)]


def queries(graph: Graph, found: Found, picture: str, *_: Any) -> list[str]:
    x, y, side, *chances = _best(graph, found)
    shape = graph.add("Cast", graph.add("Shape", picture), to=FLOAT)
    height, width = (
        graph.add("Slice", shape, graph.const([i], np.int64), graph.const([i + 1], np.int64)) for i in (2, 3)
    )
    boxes = columns(
        graph,
        graph.add("Div", x, width),
        graph.add("Div", y, height),
        graph.add("Div", side, width),
        graph.add("Div", side, height),
    )
    kept = [graph.add("Clip", one, graph.const(1e-4), graph.const(0.9999)) for one in chances]
    logits = [graph.add("Log", graph.add("Div", one, graph.add("Sub", 1.0, one))) for one in kept]
    return [boxes, columns(graph, *logits)]


def joined(graph: Graph, found: Found, picture: str, *_: Any) -> list[str]:
    """A set of queries in one output, with probabilities."""
    placed, logits = queries(graph, found, picture)
    return [graph.add("Concat", placed, graph.add("Sigmoid", logits), axis=2)]


def dets(graph: Graph, found: Found, *_: Any) -> list[str]:
    """Scores beside the boxes, and the classes apart."""
    flat, score, label = boxes(graph, found)
    both = graph.add("Concat", flat, graph.add("Unsqueeze", score, graph.const([1], np.int64)), axis=1)
    first = graph.const([0], np.int64)
    return [graph.add("Unsqueeze", one, first) for one in (both, label)]


def boxes(graph: Graph, found: Found, *_: Any) -> list[str]:
    x, y, side, *chances = _best(graph, found)
    score = graph.add("Max", *chances)
    kept = graph.add("Reshape", graph.add("NonZero", graph.add("Greater", score, 0.3)), graph.const([-1], np.int64))
    half = graph.add("Mul", side, 0.5)
    edges = [graph.add(op, one, half) for op in ("Sub", "Add") for one in (x, y)]
    corners = columns(graph, *(graph.add("Gather", one, kept) for one in edges))
    label = graph.add("Cast", graph.add("Greater", graph.add("Gather", chances[1], kept), 0.3), to=TensorProto.INT64)
    flat = graph.add("Squeeze", corners, graph.const([0], np.int64))
    return [flat, graph.add("Gather", score, kept), label]


def rows(graph: Graph, found: Found, *_: Any) -> list[str]:
    flat, score, label = boxes(graph, found)
    whole = graph.add("Unsqueeze", flat, graph.const([0], np.int64))
    return [graph.add("Concat", whole, columns(graph, score, graph.add("Cast", label, to=FLOAT)), axis=2)]


def map_(graph: Graph, found: Found, *_: Any) -> list[str]:
    return [graph.add("Mul", graph.add("Concat", *found.masks, axis=1), 0.9)]


FORMS: dict[str, tuple[Callable[..., list[str]], list[str]]] = {
    "yolox": (yolox, ["output"]),
    "yolov8": (yolov8, ["output0"]),
    "nanodet": (nanodet, ["output"]),
    "queries": (queries, ["pred_boxes", "logits"]),
    "boxes": (boxes, ["boxes", "scores", "labels"]),
    "joined": (joined, ["output0"]),
    "rows": (rows, ["output0"]),
    "dets": (dets, ["dets", "labels"]),
    "map": (map_, ["map"]),
}
"""What a network's outputs are -> what makes them, and their names."""


def network(
    form: str,
    *,
    size: tuple[int, int] | None = None,
    strides: Sequence[int] = (8, 16, 32),
    bright: float = 200.0,
    dtype: int = FLOAT,
    opset: int = 17,
    change: Callable[[Graph, list[str]], list[str]] = lambda _, outputs: outputs,
) -> bytes:
    """A network as an ONNX file.

    Args:
        form: of `FORMS`.
        size: height and width of its input; any if not given.
        strides: of its grid.
        bright: the value of the input that a square exceeds.
        dtype: of its input.
        opset: of the file.
        change: of the outputs, to break something.
    """
    graph = Graph()
    make, names = FORMS[form]
    picture = graph.add("Cast", "images", to=FLOAT)
    seen = cells(graph, picture, strides, bright, 0.5 if form == "nanodet" else 0.0)
    outputs = change(graph, make(graph, seen, picture))
    graph.nodes += [helper.make_node("Identity", [one], [name]) for one, name in zip(outputs, names, strict=False)]
    height, width = size or ("height", "width")
    made = helper.make_graph(
        graph.nodes,
        "squares",
        [helper.make_tensor_value_info("images", dtype, [1, 3, height, width])],
        [helper.make_tensor_value_info(name, TensorProto.INT64 if name == "labels" else FLOAT, None) for name in names],
        graph.weights,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return bytes(model.SerializeToString())


CARD = """name = "{name}"
licence = "CC0-1.0"
source = "made by a test"
trained_on = "no pictures"

[outputs]
form = "{form}"
classes = 2
{outputs}

[kinds]
0 = "{first}"
1 = "{second}"

[smallest]
{first} = 14
{second} = 14

[input]
{given}
"""
NAMED = {
    "map": "grow = 0",
    "queries": 'boxes = "pred_boxes"\nscores = "logits"',
    "boxes": 'boxes = "boxes"\nscores = "scores"\nlabels = "labels"',
    "joined": 'activation = "none"',
    "dets": 'boxes = "dets"\nlabels = "labels"',
}
CALLED = {"rows": "boxes", "dets": "boxes", "joined": "queries"}
"""What cards call a form, where it is not its own name."""


def card(
    form: str,
    name: str = "mine",
    first: str = "face",
    second: str = "screen",
    given: str = 'colours = "rgb"',
    outputs: str = "",
) -> str:
    """The card of such a network."""
    named = outputs or NAMED.get(form, "")
    if form == "nanodet" and not outputs:
        named = "strides = [8, 16, 32]\ncentre = 0.5"
    return CARD.format(name=name, form=CALLED.get(form, form), outputs=named, first=first, second=second, given=given)


def save(folder: Path, form: str, name: str = "mine", **more: Any) -> tuple[Path, Path]:
    """A network and its card as files."""
    model, said = folder / f"{name}.onnx", folder / f"{name}.toml"
    model.write_bytes(
        network(
            form, **{key: value for key, value in more.items() if key not in ("given", "outputs", "first", "second")}
        )
    )
    said.write_text(
        card(
            form, name, **{key: value for key, value in more.items() if key in ("given", "outputs", "first", "second")}
        )
    )
    return model, said


def edition(kinds: Sequence[str] = (), sides: Sequence[float] = (), colours: Sequence[Sequence[float]] = ()) -> bytes:
    """A network with the inputs and outputs of one of our editions, as an ONNX file.

    A cell of 4 x 4 pixels is a peak of the kind whose colour it has; the box reaches from the cell's middle as far as
    the kind's side says.

    Args:
        kinds: that its metadata names; if empty, those of the first edition and one box for both.
        sides: of each kind's box (cells, half of it on each side); 4 if not given. The first edition has the first.
        colours: of each kind, blue, green and red as shares; by default blue, green, red, white.
    """
    count = len(kinds) or 2
    colours = colours or ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1))
    graph = Graph()
    cells = graph.add("AveragePool", graph.add("Cast", "image", to=FLOAT), kernel_shape=[4, 4], strides=[4, 4])
    planes = []
    for colour in colours[:count]:  # one minus the distance from the colour; below .5 it is another one's
        away = graph.add("Abs", graph.add("Sub", graph.add("Mul", cells, 1 / 255), np.reshape(colour, (1, 3, 1, 1))))
        near = graph.add("Sub", 1.0, graph.add("ReduceMax", away, axes=[1], keepdims=1))
        planes.append(graph.add("Mul", near, graph.add("Cast", graph.add("Greater", near, 0.5), to=FLOAT)))
    nought = graph.add("Mul", planes[0], 0.0)
    boxes = [float(np.log((list(sides) or [4.0] * count)[kind] / 2)) for kind in range(len(kinds) or 1)]
    outputs = [graph.add("Concat", *planes, axis=1), graph.add("Concat", *_fourfold(graph, nought, boxes), axis=1)]
    names = ("scores", "distances")
    graph.nodes += [helper.make_node("Identity", [one], [name]) for one, name in zip(outputs, names, strict=True)]
    made = helper.make_graph(
        graph.nodes,
        "edition",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [1, 3, "height", "width"])],
        [helper.make_tensor_value_info(name, FLOAT, None) for name in names],
        graph.weights,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if kinds:
        helper.set_model_props(model, {"kinds": ",".join(kinds)})
    return bytes(model.SerializeToString())


def _fourfold(graph: Graph, nought: str, values: Sequence[float]) -> list[str]:
    """Four planes of each value, as large as `nought`, which is zero."""
    return [graph.add("Add", nought, value) for value in values for _ in range(4)]
