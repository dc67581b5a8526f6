"""A user's own model: networks of each form that a card can describe are imported, find what they should, and are kept
out where they are not what their card says."""

import json
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, external_data_helper, helper, numpy_helper

from anonymize import detect, models
from anonymize.data import Detections
from anonymize.detect import bring
from anonymize.detect.own import Misfit, Own, Raw, decoded
from anonymize.errors import ExitCode, ModelError, UsageError
from anonymize.kinds import Kind
from anonymize.models import store
from anonymize.models.cards import Activation, Form, Outputs
from anonymize.report.data import _model as model_facts
from anonymize.settings import Detect, Settings
from tests.contracts.test_detector import overlap, sound
from tests.detect.test_detect import Still
from tests.helpers import networks
from tests.helpers.media import make_image, make_video, read_video
from tests.helpers.networks import FORMS, Graph, card, network, save

SCREEN = Kind.named("screen")
SIDE = 14
RED, BLUE = (20, 20, 250), (250, 20, 20)
Box = tuple[int, int, int, int]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANONYMIZE_MODELS", str(tmp_path / "models"))
    return tmp_path


def squares(width: int, height: int) -> dict[Box, Kind]:
    """Squares at every border and corner and in the middle, red and blue in turn."""
    places = [(x, y) for y in (0, (height - SIDE) // 2, height - SIDE) for x in (0, (width - SIDE) // 2, width - SIDE)]
    return {(x, y, x + SIDE, y + SIDE): (Kind.FACE, SCREEN)[i % 2] for i, (x, y) in enumerate(places)}


def drawn(width: int, height: int) -> NDArray[np.uint8]:
    """Them before a grainy ground; BGR."""
    picture = np.random.default_rng(1).integers(30, 90, (height, width, 3), np.uint8)
    for (x0, y0, x1, y1), kind in squares(width, height).items():
        picture[y0:y1, x0:x1] = RED if kind is Kind.FACE else BLUE
    return picture


def imported(folder: Path, form: str, **more: Any) -> Own:
    detect.import_own(*save(folder, form, **more))
    (made,) = detect.build([more.get("name", "mine")], set(), 1)
    assert isinstance(made, Own)
    return made


def found_all(found: Detections, wanted: dict[Box, Kind]) -> bool:
    """Whether each square is found as what it is, and nothing else elsewhere."""
    for box, kind in wanted.items():
        those = found.select(found.kind == kind)
        if max((overlap(box, row) for row in those.xyxy), default=0.0) < 0.6:
            return False
    middles = (found.xyxy[:, :2] + found.xyxy[:, 2:]) / 2
    return all(any(x0 <= x < x1 and y0 <= y < y1 for x0, y0, x1, y1 in wanted) for x, y in middles)


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)])
@pytest.mark.parametrize("fixed", [None, (640, 640), (384, 640)])
@pytest.mark.parametrize("form", FORMS)
def test_small_things_at_every_border_are_found(
    form: str, fixed: tuple[int, int] | None, size: tuple[int, int], folder: Path
) -> None:
    detector = imported(folder, form, size=fixed)
    wanted = Detect(min_face=SIDE)
    found = detect.detect(Still(drawn(*size)), [detector], wanted, {Kind.FACE, SCREEN}).result()
    sound(found, detector)
    assert found_all(found.select(found.score >= 0.5), squares(*size))


@pytest.mark.parametrize("form", FORMS)
def test_its_properties_are_the_cards(form: str, folder: Path) -> None:
    detector = imported(folder, form, size=(256, 320))
    assert detector.kinds == {Kind.FACE, SCREEN}
    assert detector.min_size == {Kind.FACE: 14, SCREEN: 14}
    assert detector.sha256 == models.find("mine").sha256
    assert all(size < detector.max_input_side for size in detector.min_size.values())


@pytest.mark.parametrize("size", [None, (96, 160)])
@pytest.mark.parametrize("shape", [(1, 1), (3, 500), (500, 3), (31, 33), (97, 203)])
def test_it_takes_pictures_of_any_size(size: tuple[int, int] | None, shape: tuple[int, int], folder: Path) -> None:
    detector = imported(folder, "yolox", size=size)
    noise = np.random.default_rng(1).integers(0, 256, (*shape, 3), np.uint8)
    found = detector.detect(noise)
    sound(found, detector)
    assert (found.xyxy[:, :2] < [shape[1], shape[0]]).all()
    detector.release_memory()
    assert np.array_equal(detector.detect(noise).xyxy, found.xyxy)


def test_what_is_larger_than_a_tile_is_found_in_the_picture_made_smaller(folder: Path) -> None:
    """A network that finds squares of 5 to 24 pixels: one of 80 only where 600 pixels are made 128."""
    detector = imported(folder, "yolov8", size=(128, 128), strides=(8,))
    picture = np.full((400, 600, 3), 50, np.uint8)
    picture[151:231, 250:330] = RED
    (best,) = detector.detect(picture).xyxy
    assert overlap((250, 151, 330, 231), best) > 0.8


def test_the_colours_are_in_the_order_of_the_card(folder: Path) -> None:
    kinds = {}
    for order in ("rgb", "bgr"):
        detector = imported(folder, "yolov8", name=order, given=f'colours = "{order}"')
        picture = np.full((64, 64, 3), 50, np.uint8)
        picture[20:34, 20:34] = RED
        kinds[order] = detector.detect(picture).kinds()
    assert kinds == {"rgb": [Kind.FACE], "bgr": [SCREEN]}


@pytest.mark.parametrize(
    ("bright", "dtype", "given"),
    [
        (200 / 255, TensorProto.FLOAT, "scale = 0.00392156862745098"),
        ((200 - 110) / 60, TensorProto.FLOAT, "mean = [110, 0, 110]\nstd = [60, 1, 60]"),
        (
            (200 / 255 - 0.4) / 0.2,
            TensorProto.FLOAT16,
            "scale = 0.00392156862745098\nmean = [0.4, 0, 0.4]\nstd = [0.2, 1, 0.2]",
        ),
        (200, TensorProto.UINT8, "padding = 114"),
    ],
)
def test_pixels_are_scaled_as_the_card_says(bright: float, dtype: int, given: str, folder: Path) -> None:
    detector = imported(folder, "yolov8", bright=bright, dtype=dtype, given=f'colours = "rgb"\n{given}')
    picture = np.full((90, 90, 3), 150, np.uint8)
    picture[20:34, 20:34] = RED
    (found,) = detector.detect(picture).xyxy
    assert overlap(found, (20, 20, 34, 34)) > 0.9


def test_what_takes_bytes_has_nothing_scaled(folder: Path) -> None:
    with pytest.raises(ModelError, match="its input is uint8, pixels as they are: leave scale, mean and std out"):
        imported(folder, "yolov8", dtype=TensorProto.UINT8, given="std = [2, 1, 1]")


def test_padding_is_as_the_card_says(folder: Path) -> None:
    """Bright padding joins a square at the border, so that the network sees a larger one."""
    plain, bright = (
        imported(folder, "yolov8", name=name, given=f'colours = "rgb"\npadding = {padding}')
        for name, padding in (("plain", 0), ("bright", 255))
    )
    picture = np.full((60, 60, 3), 50, np.uint8)
    picture[40:54, 46:60] = RED
    assert overlap(plain.detect(picture).xyxy[0], (46, 40, 60, 54)) > 0.9
    assert not len(bright.detect(picture)) or overlap(bright.detect(picture).xyxy[0], (46, 40, 60, 54)) < 0.9


def test_classes_without_a_kind_are_left_out_and_two_may_be_of_one(folder: Path) -> None:
    detect.import_own(*save(folder, "yolov8"))
    text = card("yolov8", "one").replace('0 = "face"\n', "").replace("face = 14\n", "")
    (folder / "one.toml").write_text(text)
    detect.import_own(folder / "mine.onnx", folder / "one.toml")
    (folder / "two.toml").write_text(card("yolov8", "two", "head", "head").replace("head = 14\nhead = 14", "head = 14"))
    detect.import_own(folder / "mine.onnx", folder / "two.toml")
    picture = drawn(1280, 720)
    one, two = (detect.build([name], set(), 1)[0].detect(picture) for name in ("one", "two"))
    blue = {box: kind for box, kind in squares(1280, 720).items() if kind is SCREEN}
    assert found_all(one, blue)
    assert found_all(two, dict.fromkeys(squares(1280, 720), Kind.HEAD))


def test_it_is_chosen_by_name_and_kind(folder: Path) -> None:
    detect.import_own(*save(folder, "yolov8"))
    (chosen,) = detect.build(["mine:screens"], {SCREEN}, 1)
    assert chosen.kinds == {SCREEN}
    assert found_all(chosen.detect(drawn(1280, 720)), {b: k for b, k in squares(1280, 720).items() if k is SCREEN})
    with pytest.raises(UsageError, match="mine:head: mine finds faces and screens"):
        detect.build(["mine:head"], {SCREEN})
    with pytest.raises(UsageError, match="no 'mein'; did you mean mine"):
        detect.build(["mein"], {SCREEN})
    with pytest.raises(ModelError, match=r"centerface cannot find screens\. Name a detector that finds them \(mine\)"):
        detect.build(["centerface"], {Kind.FACE, SCREEN})
    assert {model.name for model in models.list_models()} > {"mine", "argus"}


def test_a_name_that_is_taken_is_refused(folder: Path) -> None:
    path = detect.import_own(*save(folder, "yolov8"))
    assert detect.import_own(*save(folder, "yolov8")) == path  # the same once more
    with pytest.raises(ModelError, match="another model 'mine' already: give this one another name, or add --force"):
        detect.import_own(*save(folder, "yolox"))
    before = models.find("mine").sha256
    path.unlink()
    detect.import_own(*save(folder, "yolox"))  # a card alone takes no name
    assert models.find("mine").sha256 != before
    detect.import_own(*save(folder, "yolov8"), force=True)
    detect.import_own(*save(folder, "yolox"), force=True)
    assert models.find("mine").sha256 != before
    with pytest.raises(ModelError, match="'argus' is the name of a model that is known already"):
        detect.import_own(*save(folder, "yolox", name="argus"))


def test_what_was_altered_afterwards_is_not_used(folder: Path) -> None:
    path = detect.import_own(*save(folder, "yolov8"))
    path.write_bytes(network("yolox"))
    assert models.verify()["mine"] is models.ModelState.ALTERED
    with pytest.raises(ModelError, match="its sha256 differs"):
        detect.build(["mine"], set())
    path.with_name("mine.toml").write_text("sha256 = 3")
    with pytest.raises(ModelError, match=r"not a card of a model: .*; anonymize models remove mine removes the model"):
        models.find("mine")
    assert models.find("argus").name == "argus"  # those that do not need it go on
    (first,) = detect.build(["argus"], {Kind.FACE}, 1)
    assert detect.second_detectors(Settings(targets=frozenset({Kind.FACE})), [first])
    assert model_facts("mine", "0" * 64)["licence"] == "unknown"


@pytest.mark.parametrize(
    ("form", "line", "instead", "message"),
    [
        (
            "yolox",
            "classes = 2",
            "classes = 80",
            r"expected \(1, cells, 5 \+ classes\), .*\(1, 84, 85\).*output \(1, 84, 7\)",
        ),
        (
            "yolov8",
            "classes = 2",
            "classes = 3",
            r"expected \(1, 4 \+ classes, cells\), .*\(1, 7, any\).*output0 \(1, 6, 84\) float32",
        ),
        ("yolox", "classes = 2", "classes = 2\nstrides = [16, 32, 64]", r"\(1, 21, 7\).*output \(1, 84, 7\)"),
        ("nanodet", "strides = [8, 16, 32]", "", r"expected \(1, cells, classes \+ 4 x bins\)"),
        ("yolox", '"yolox"', '"yolov8"', r"expected \(1, 4 \+ classes, cells\)"),
        (
            "yolov8",
            '"yolov8"',
            '"queries"',
            r"expected \(1, queries, 4 \+ classes\), that is \(1, any, 6\); the network gives output0 \(1, 6, 84\)",
        ),
        (
            "queries",
            'boxes = "pred_boxes"\nscores = "logits"',
            "",
            "queries needs the names of its boxes, scores in the card.*file gives pred_boxes",
        ),
        (
            "yolox",
            "classes = 2",
            'classes = 2\nactivation = "sigmoid"',
            r"expected scores that are no probabilities yet .*none below 0.*all would be 0\.25 and more",
        ),
        (
            "joined",
            'activation = "none"',
            "",
            r"expected scores that are no probabilities yet .*none below 0.*write activation = \"none\"",
        ),
        ("yolov8", '0 = "face"', '00 = "face"', "kinds.'00': expected a class from 0 to 1"),
        ("yolov8", '0 = "face"', '0 = "face"\n00 = "screen"', "kinds.'00': expected a class from 0 to 1"),
        ("yolov8", '0 = "face"', '"\u0660" = "face"', "expected a class from 0 to 1"),
        ("yolov8", '0 = "face"', "9" * 5000 + ' = "face"', "kinds.'9+.*: expected a class from 0 to 1"),
        ("yolov8", "[input]", "[largest]\nscreen = 14\n[input]", r"largest.screen \(14\) must be more than smallest"),
        ("yolov8", "[input]", "[input]\nleast = 2000", r"input.least \(2000\) must not be more than input.side"),
        (
            "yolov8",
            "screen = 14",
            "screen = 1280",
            "smallest.screen = 1280 does not fit into its input of 1280 pixels",
        ),
        ("boxes", 'labels = "labels"', "", r"needs the names of its boxes, scores and labels"),
        ("boxes", '"scores"', '"score"', r"names an output 'score'; the file gives boxes \(.*\) float, scores"),
        ("boxes", '"boxes"\nclasses', '"yolox"\nclasses', r"yolox has one output; the file gives boxes"),
        (
            "queries",
            "classes = 2",
            'classes = 2\nactivation = "none"',
            r"expected scores from 0 to 1, the network gives .*sigmoid",
        ),
        ("queries", '"pred_boxes"', '"logits"', "its card names one output twice: logits, logits"),
        (
            "queries",
            '"pred_boxes"\nscores = "logits"',
            '"logits"\nscores = "pred_boxes"',
            r"expected \(1, queries, 4\)",
        ),
        ("rows", "classes = 2", "classes = 1", r"kinds.'1': expected a class from 0 to 0"),
        ("yolov8", "classes = 2", 'classes = 2\nactivation = "softmax"', "softmax is for queries"),
        ("yolov8", "screen = 14", "", "smallest.screen is missing"),
        ("yolov8", "screen = 14", "screen = 0", "smallest.screen: must be 1 to 4096 pixels"),
        (
            "yolov8",
            "screen = 14",
            "screen = 14\nhead = 9",
            "smallest.head: no class is of this kind; there are face, screen",
        ),
        ("yolov8", '1 = "screen"', '1 = "screens"', "'screens' cannot be the name of a kind: expected the singular"),
        ("yolov8", '1 = "screen"', '1 = "area"', "kinds.1 = 'area': expected the name of a kind"),
        ("yolov8", '1 = "screen"', "1 = 3", "kinds.1 = 3: expected the name of a kind"),
        ("yolov8", '1 = "screen"', 'x = "screen"', "kinds.'x': expected a class from 0 to 1"),
        ("yolov8", 'licence = "CC0-1.0"', "", "licence is missing"),
        ("yolov8", 'licence = "CC0-1.0"', 'licence = ""', "licence: expected one line"),
        (
            "yolov8",
            'licence = "CC0-1.0"',
            'license = "CC0-1.0"',
            "unknown setting 'license'; did you mean licence|did you mean licence",
        ),
        ("yolov8", 'form = "yolov8"', 'form = "yolo"', "there is no 'yolo'; did you mean yolo"),
        ("yolov8", 'colours = "rgb"', "std = [0, 1, 1]", "input.std: must be 1e-06"),
        ("yolov8", 'name = "mine"', 'name = "../mine"', "expected 2 to 31 of a-z"),
        ("yolov8", 'name = "mine"', 'name = "mine', "not valid TOML"),
    ],
)
def test_a_wrong_card_is_refused_with_what_was_expected_and_what_there_is(
    form: str, line: str, instead: str, message: str, folder: Path
) -> None:
    network_, said = save(folder, form)
    text = said.read_text()
    assert line in text
    said.write_text(text.replace(line, instead))
    with pytest.raises(ModelError, match=message):
        detect.import_own(network_, said)
    assert not list((folder / "models").rglob("*")) or not models.own_models()


SCALAR = 1  # of ONNX: a float


def scalar(model: Any) -> Any:
    """A weight of one number."""
    return next(one for one in model.graph.initializer if one.data_type == SCALAR and not one.dims)


def elsewhere(weight: Any) -> Any:
    external_data_helper.set_external_data(weight, "/etc/passwd", 0, 4)
    weight.ClearField("raw_data")
    return weight


def called(model: Any, nodes: list[Any]) -> None:
    """A function of the file's own with these nodes gives a weight."""
    model.functions.append(helper.make_function("own", "Leak", [], ["o"], nodes, [helper.make_opsetid("", 17)]))
    model.opset_import.append(helper.make_opsetid("own", 1))
    weight = scalar(model)
    model.graph.node.insert(0, helper.make_node("Leak", [], [weight.name], domain="own"))
    model.graph.initializer.remove(weight)


def within(graph: Any) -> list[Any]:
    """Nodes that give what `graph` does, in a branch."""
    yes = helper.make_node("Constant", [], ["yes"], value=numpy_helper.from_array(np.array(True)))
    return [yes, helper.make_node("If", ["yes"], ["o"], then_branch=graph, else_branch=graph)]


def outside_in_function(model: Any) -> None:
    weight = type(scalar(model))()
    weight.CopyFrom(scalar(model))
    weight.name = "w"
    value = helper.make_tensor_value_info("w", TensorProto.FLOAT, [])
    called(model, within(helper.make_graph([], "inner", [], [value], [elsewhere(weight)])))


def outside_sparse(model: Any) -> None:
    weight = model.graph.sparse_initializer.add()
    weight.values.CopyFrom(elsewhere(numpy_helper.from_array(np.zeros(1, np.float32), "sparse")))
    weight.indices.CopyFrom(numpy_helper.from_array(np.zeros(1, np.int64), "places"))
    weight.dims.append(4)


def foreign_in_function(model: Any) -> None:
    value = helper.make_tensor_value_info("y", TensorProto.FLOAT, [])
    called(model, within(helper.make_graph([helper.make_node("Run", [], ["y"], domain="evil")], "i", [], [value])))


def unfolding(model: Any) -> None:
    """Functions that call the next one ten times each: 10^12 operators."""
    model.opset_import.append(helper.make_opsetid("own", 1))
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    for i in range(12):
        calls = [helper.make_node(f"F{i + 1}", ["x"], [f"u{k}" if k else "y"], domain="own") for k in range(10)]
        inner = calls if i < 11 else [helper.make_node("Identity", ["x"], ["y"])]
        model.functions.append(helper.make_function("own", f"F{i}", ["x"], ["y"], inner, imports))
    model.graph.node.append(helper.make_node("F0", ["images"], ["z"], domain="own"))


def overloaded(model: Any) -> None:
    """As many, beside small functions of the same names."""
    unfolding(model)
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    for i in range(1, 12):
        inner = [helper.make_node("Identity", ["x"], ["y"])]
        model.functions.append(helper.make_function("own", f"F{i}", ["x"], ["y"], inner, imports, overload="small"))


def chained(model: Any) -> None:
    """Three thousand functions, each of which calls the next."""
    model.opset_import.append(helper.make_opsetid("own", 1))
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    for i in range(3000):
        inner = helper.make_node(f"F{i + 1}", ["x"], ["y"], domain="own")
        model.functions.append(helper.make_function("own", f"F{i}", ["x"], ["y"], [inner], imports))
    model.graph.node.append(helper.make_node("F0", ["images"], ["z"], domain="own"))


def sided(height: int, width: int = 0) -> Callable[[Any], None]:
    """Another input; a width of 0 stays any."""

    def change(model: Any) -> None:
        for dim, side in zip(model.graph.input[0].type.tensor_type.shape.dim[2:], (height, width), strict=True):
            if side:
                dim.dim_value = side

    return change


def gives(what: int, *names: str, **attributes: Any) -> bytes:
    """A network whose output is of another type."""
    model = onnx.load_from_string(
        network("yolov8", change=lambda graph, outputs: [graph.add(names[0], outputs[0], *names[1:], **attributes)])
    )
    made = model.graph.output[0].type
    if what:
        made.tensor_type.elem_type = what
    else:
        made.sequence_type.elem_type.tensor_type.elem_type = TensorProto.FLOAT
    return bytes(model.SerializeToString())


def edited(change: Callable[[Any], Any]) -> bytes:
    model = onnx.load_from_string(network("yolov8"))
    change(model)
    return bytes(model.SerializeToString())


def outside(model: Any) -> None:
    external_data_helper.set_external_data(model.graph.initializer[0], "/etc/passwd")


def foreign(model: Any) -> None:
    model.graph.node[0].domain = "com.evil"


def foreign_within(model: Any) -> None:
    """In the branch of an If."""
    inner = helper.make_graph(
        [helper.make_node("Run", [], ["y"], domain="evil.inside")],
        "inner",
        [],
        [helper.make_tensor_value_info("y", 1, None)],
    )
    model.graph.node.append(helper.make_node("If", ["images"], ["z"], then_branch=inner, else_branch=inner))


def two_inputs(model: Any) -> None:
    model.graph.input.append(helper.make_tensor_value_info("sizes", TensorProto.INT64, [1, 2]))


def four_planes(model: Any) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 4


def from_the_future(model: Any) -> None:
    model.opset_import[0].version = 999


def misspelt(model: Any) -> None:
    model.graph.node[3].op_type = "Sluice"


def emptied(model: Any) -> None:
    del model.graph.node[:]


def not_numbers(graph: Graph, outputs: list[str]) -> list[str]:
    return [graph.add("Div", graph.add("Mul", outputs[0], 0.0), 0.0)]


def endless(graph: Graph, outputs: list[str]) -> list[str]:
    """A loop of a quadrillion turns."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["going"], ["on"]), helper.make_node("Sin", ["value"], ["next"])],
        "body",
        [
            helper.make_tensor_value_info(name, kind, [])
            for name, kind in (("turn", TensorProto.INT64), ("going", TensorProto.BOOL))
        ]
        + [helper.make_tensor_value_info("value", TensorProto.FLOAT, None)],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, None),
        ],
    )
    return [graph.add("Loop", graph.const(10**15, np.int64), graph.const(True, np.bool_), outputs[0], body=body)]


def greedy(graph: Graph, outputs: list[str]) -> list[str]:
    """A tensor of a terabyte."""
    much = graph.add(
        "Expand", graph.add("ReduceMax", outputs[0], keepdims=0), graph.const([1 << 19, 1 << 19], np.int64)
    )
    return [
        graph.add("Add", outputs[0], graph.add("Mul", graph.add("ReduceMax", graph.add("Sin", much), keepdims=0), 0.0))
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not an ONNX network"),
        (b"\x00" * 500, "is not an ONNX network"),
        (b"#!/bin/sh\necho hello\n" * 50, "is not an ONNX network"),
        (network("yolov8")[:2000], "is not an ONNX network|onnxruntime cannot run"),
        (edited(emptied), "is not an ONNX network, or an empty one"),
        (edited(outside), r"keeps its weights in other files \(/etc/passwd\)"),
        (edited(foreign), "needs operators of com.evil"),
        (edited(foreign_within), "needs operators of evil.inside"),
        (edited(outside_in_function), r"keeps its weights in other files \(/etc/passwd\)"),
        (edited(outside_sparse), r"keeps its weights in other files \(/etc/passwd\)"),
        (edited(foreign_in_function), "needs operators of evil,"),
        (edited(unfolding), "has 2[0-9,]+ operators, at most 200,000 are run"),
        (edited(overloaded), "has 2[0-9,]+ operators, at most 200,000 are run"),
        (edited(chained), "has functions that call each other too deeply"),
        (edited(sided(100_000, 100_000)), r"both any, or both 16 to 4096; got images \(1, 3, 100000, 100000\)"),
        (edited(sided(8, 8)), r"both any, or both 16 to 4096; got images \(1, 3, 8, 8\)"),
        (edited(sided(640)), r"both any, or both 16 to 4096; got images \(1, 3, 640, any\)"),
        (gives(TensorProto.BOOL, "Cast", to=TensorProto.BOOL), r"expected numbers, .* output0 \(1, 6, 84\) bool"),
        (gives(TensorProto.STRING, "Cast", to=TensorProto.STRING), "expected numbers, the network gives output0"),
        (gives(0, "SequenceConstruct"), "expected arrays, the network gives output0, a list"),
        (
            edited(two_inputs),
            r"expected one input, a picture; got images .* and .*|expected one input, a picture; got images",
        ),
        (edited(four_planes), r"expected an input \(1, 3, height, width\).*got images \(1, 4, any, any\) float"),
        (edited(from_the_future), "onnxruntime cannot run the model 'mine'"),
        (edited(misspelt), "onnxruntime cannot run the model 'mine'"),
        (network("yolov8", change=not_numbers), r"scores that are no numbers \(NaN or infinite\)"),
        (network("yolov8", change=greedy), "mine failed on cpu"),
    ],
    ids=[
        "empty",
        "zeros",
        "text",
        "cut",
        "nodes",
        "outside",
        "foreign",
        "within",
        "outside-function",
        "outside-sparse",
        "foreign-function",
        "unfolding",
        "overloaded",
        "chained",
        "huge-input",
        "tiny-input",
        "half-fixed",
        "bool",
        "string",
        "sequence",
        "inputs",
        "planes",
        "opset",
        "operator",
        "nan",
        "memory",
    ],
)
def test_a_hostile_file_ends_in_words(content: bytes, message: str, folder: Path) -> None:
    network_, said = save(folder, "yolov8")
    network_.write_bytes(content)
    before = resource.getrlimit(resource.RLIMIT_AS)
    with pytest.raises(ModelError, match=message) as caught:
        detect.import_own(network_, said)
    assert resource.getrlimit(resource.RLIMIT_AS) == before
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1500
    assert not models.own_models()


def test_a_network_that_takes_no_small_picture_is_shown_none(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Sets of queries are the best of all cells, of which a small picture has too few."""
    monkeypatch.setattr(networks, "QUERIES", 300)
    with pytest.raises(ModelError, match="write the least side that it takes into the card, as least = 320 under"):
        imported(folder, "queries")
    detector = imported(folder, "queries", given='colours = "rgb"\nleast = 160')
    picture = drawn(640, 200)
    found = detector.detect(picture)
    assert found_all(found.select(found.score >= 0.5), squares(640, 200))
    detector.release_memory()
    assert np.array_equal(detector.detect(picture).xyxy, found.xyxy)
    assert capfd.readouterr() == ("", "")


def test_a_network_that_fails_as_its_memory_is_released_goes_on(folder: Path) -> None:
    detector = imported(folder, "queries")  # takes 64 x 64 pixels and more; 32 x 32 have too few cells
    found = detector.detect(drawn(1280, 720))
    detector.release_memory()
    assert np.array_equal(detector.detect(drawn(1280, 720)).xyxy, found.xyxy)


def test_any_size_may_be_written_as_minus_one(folder: Path) -> None:
    network_, said = save(folder, "yolov8")
    network_.write_bytes(edited(sided(-1, -1)))
    detect.import_own(network_, said)
    (detector,) = detect.build(["mine"], set(), 1)
    assert found_all(detector.detect(drawn(1280, 720)), squares(1280, 720))


def test_a_network_without_an_end_is_ended(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bring, "SECONDS", 0.5)
    with pytest.raises(ModelError, match=r"took over [01] s for its first pictures"):
        detect.import_own(*save(folder, "yolov8", change=endless))
    assert not list((folder / "models").rglob("*.onnx"))


def constant(graph: Graph, outputs: list[str]) -> list[str]:
    """Products of large matrices that onnxruntime could compute beforehand."""
    much = graph.add("ConstantOfShape", graph.const([3000, 3000], np.int64))
    for _ in range(200):
        much = graph.add("MatMul", much, much)
    return [graph.add("Add", outputs[0], graph.add("ReduceMax", much, keepdims=0))]


def test_what_is_constant_is_not_computed_without_an_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bring, "SECONDS", 0.5)
    with pytest.raises(ModelError, match=r"took over [01] s for its first pictures"):
        detect.import_own(*save(folder, "yolov8", change=constant))


def test_a_huge_file_is_not_read(folder: Path) -> None:
    network_, said = save(folder, "yolov8")
    with network_.open("r+b") as file:
        file.truncate(bring.LARGEST + 1)
    begun = time.monotonic()
    with pytest.raises(ModelError, match="is larger than 512 MiB"):
        detect.import_own(network_, said)
    assert time.monotonic() - begun < 60


@pytest.mark.parametrize("which", [0, 1])
def test_a_file_that_is_not_there_is_named(which: int, folder: Path) -> None:
    paths = list(save(folder, "yolov8"))
    paths[which] = folder / "nowhere"
    with pytest.raises(ModelError, match="nowhere"):
        detect.import_own(paths[0], paths[1])


def test_what_is_no_number_later_is_an_error_and_not_an_empty_street(folder: Path) -> None:
    """A network whose scores are numbers until a picture is all white."""

    detector = imported(folder, "yolov8", change=partial(not_numbers_from, 254.5), bright=300.0)
    assert not len(detector.detect(np.full((64, 64, 3), 254, np.uint8)))
    with pytest.raises(ModelError, match="mine: the network gives scores that are no numbers"):
        detector.detect(np.full((64, 64, 3), 255, np.uint8))


def not_numbers_from(level: float, graph: Graph, outputs: list[str]) -> list[str]:
    """Outputs that are no numbers once the picture is as bright as `level` in the mean."""
    mean = graph.add("ReduceMean", "images", keepdims=0)
    dark = graph.add("Cast", graph.add("Less", mean, level), to=TensorProto.FLOAT)
    return [graph.add("Sub", graph.add("Add", outputs[0], graph.add("Div", 0.0, dark)), 0.0)]


def test_the_file_on_which_a_model_failed_is_named(folder: Path) -> None:
    detect.import_own(*save(folder, "yolov8", change=partial(not_numbers_from, 190.0), bright=300.0))
    pictures = folder / "pictures"
    pictures.mkdir()
    for name, level in (("a.png", 90), ("white.png", 255)):
        make_image(pictures / name, picture=np.full((256, 256, 3), level, np.uint8))
    words = ("--detectors", "mine", "--targets", "faces")
    for source, target in ((pictures, "safe/"), (pictures / "white.png", "safe.png")):
        done = anonymize("run", source, "-o", folder / target, *words)
        said = " ".join(done.stderr.split())
        assert re.search(r"white\.png: mine: the network gives scores that are no numbers", said), said
        assert "a.png: mine" not in said
    planned = anonymize("detect", pictures / "white.png", "-o", folder / "p.jsonl", *words)
    assert planned.returncode == ExitCode.MODEL
    assert "white.png: mine: the network" in " ".join(planned.stderr.split())


def test_a_plan_whose_model_is_missing_says_so(folder: Path) -> None:
    detect.import_own(*save(folder, "yolov8"))
    source, plan = film(folder / "film.mp4", (320, 240), 5), folder / "plan.jsonl"
    made = anonymize("detect", source, "-o", plan, "--detectors", "centerface,mine", "--targets", "faces,screens")
    assert made.returncode == 0, made.stderr
    assert anonymize("models", "remove", "mine").returncode == 0
    words = ("render", source, "--plan", plan, "-o", folder / "safe.mp4")
    for more, message in (
        (
            (),
            "the plan was made with the model 'mine', which is missing here: import it again (anonymize models import",
        ),
        (("--detectors", "centerface"), "cannot find screens. No model here does"),
    ):
        done = anonymize(*words, *more)
        said = " ".join(done.stderr.split())
        assert (done.returncode, message in said) == (ExitCode.MODEL, True), said
        assert "--targets faces" not in said.replace("detect again, with --targets faces", "")
    assert "or detect again, with --targets faces" in said
    assert anonymize(*words, "--detectors", "centreface").returncode == ExitCode.USAGE
    assert not (folder / "safe.mp4").exists()


def test_a_damaged_card_is_in_the_way_of_its_own_model_alone(folder: Path) -> None:
    detect.import_own(*save(folder, "yolov8"))
    (folder / "models" / "own" / "other.toml").write_text("name = [")
    (one,) = detect.build(["mine"], set(), 1)
    assert one.name == "mine"
    for broken in ("other", "other:screens"):
        with pytest.raises(ModelError, match=r"not valid TOML.*anonymize models remove other removes the model"):
            detect.build([broken], set())
    network_, said = save(folder, "yolov8", name="other")
    detect.import_own(network_, said)
    assert models.verify()["other"] is models.ModelState.OK


def test_what_is_half_written_is_not_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed after the network and before its card: the one before stays, and the next import cleans up."""
    detect.import_own(*save(folder, "yolov8"))
    before = models.find("mine")

    def killed(path: Path, *more: Any) -> None:
        if path.suffix == ".toml":
            raise KeyboardInterrupt
        written(path, *more)

    written = store._write
    monkeypatch.setattr(store, "_write", killed)
    with pytest.raises(KeyboardInterrupt):
        detect.import_own(*save(folder, "yolox"), force=True)
    monkeypatch.undo()
    monkeypatch.setenv("ANONYMIZE_MODELS", str(folder / "models"))
    assert models.find("mine") == before
    assert models.state_of("mine") is models.ModelState.OK
    own = folder / "models" / "own"
    (own / ".anonymize-0123456789ab-cdef.toml").write_text("")  # of a process that was killed as it wrote a card
    assert models.own_models() == (before,)
    made = detect.import_own(*save(folder, "yolox"), force=True)
    assert {path.name for path in own.glob("[!.]*")} == {"mine.toml", made.name}


@pytest.mark.parametrize("force", [True, False])
def test_imports_at_once_leave_one_whole(force: bool, folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from anonymize.models import cards, store; "
        "from anonymize.errors import ModelError\n"
        "said, mark, force = cards.read_card(Path(sys.argv[1])), sys.argv[2], bool(int(sys.argv[3]))\n"
        "sys.stdin.read()\n"
        "for _ in range(20):\n"
        "    try: store.keep_own(said, mark.encode() * 100_000, force=force); sys.stdout.write('kept ')\n"
        "    except ModelError as error: assert 'another model' in str(error); sys.stdout.write('refused ')"
    )
    _, said = save(folder, "yolov8")
    those = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(said), mark, str(int(force))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for mark in "abc"
    ]
    for one in those:
        assert one.stdin
        one.stdin.close()
        one.stdin = None
    told = [one.communicate() for one in those]
    assert [(one.returncode, error) for one, (_, error) in zip(those, told, strict=True)] == [(0, "")] * 3
    assert models.verify()["mine"] is models.ModelState.OK
    assert len(list((folder / "models" / "own").glob("*.onnx"))) == 1
    if not force:
        assert sorted(set(text.split()) == {"kept"} for text, _ in told) == [False, False, True]


def test_models_of_the_users_own_are_removed(folder: Path) -> None:
    network_, said = save(folder, "yolov8")
    detect.import_own(network_, said)
    own = folder / "models" / "own"
    (own / "mine.onnx").write_bytes(b"of an earlier version")
    done = anonymize("models", "remove", "mine")
    assert (done.returncode, done.stdout) == (0, f"mine is removed: {own / 'mine.toml'}\n")
    assert not list(own.iterdir())
    for name, message in (
        ("mine", "there is no 'mine'"),
        ("argus", "comes with a package and stays"),
        ("yunet", "is not installed: there is nothing to remove"),
        ("../mine", "there is no '../mine'"),
    ):
        refused = anonymize("models", "remove", name)
        assert refused.returncode == ExitCode.MODEL
        assert message in " ".join(refused.stderr.split())
    (folder / "models" / models.find("yunet").file).write_bytes(b"weights")
    assert anonymize("models", "remove", "yunet").returncode == 0
    assert models.state_of("yunet") is models.ModelState.ABSENT
    detect.import_own(network_, said)
    (own / "mine.toml").write_text("sha256 = 3")
    before = anonymize("models", "list")
    assert before.returncode == ExitCode.MODEL
    (own / "mine.toml").write_text("sha256 = \n")
    damaged = anonymize("models", "list")
    assert damaged.returncode == ExitCode.MODEL
    assert damaged.stdout == before.stdout
    assert re.findall(r"^[a-z].*$", damaged.stdout, re.MULTILINE) == [one.name for one in models.whole_models()[0]]
    assert "mine.toml: not valid TOML" in " ".join(damaged.stderr.split())
    assert models.verify()["mine"] is models.ModelState.ALTERED
    assert "anonymize models remove mine removes the model" in " ".join(damaged.stderr.split())
    assert anonymize("models", "remove", "mine").returncode == 0
    assert anonymize("models", "list").returncode == 0
    detect.import_own(network_, said)
    (own / "mine.toml").rename(own / "yours.toml")
    with pytest.raises(ModelError, match="not the card of yours, but of mine; anonymize models remove yours"):
        models.find("mine")


def anonymize(*arguments: object) -> subprocess.CompletedProcess[str]:
    code = "from anonymize.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=False
    )


def film(path: Path, size: tuple[int, int], frames: int, rate: int = 25) -> Path:
    return make_video(path, frames=[np.ascontiguousarray(drawn(*size)[..., ::-1])] * frames, rate=rate)


def test_the_commands(folder: Path) -> None:
    network_, said = save(folder, "nanodet")
    done = anonymize("models", "import", network_, "--card", said)
    assert (done.returncode, done.stdout.split(":")[0]) == (0, "mine is installed")
    told = [json.loads(line) for line in anonymize("models", "list", "--json").stdout.splitlines()]
    (mine,) = [one for one in told if one.get("name") == "mine"]
    assert (mine["finds"], mine["licence"], mine["state"]) == ("face, screen", "CC0-1.0", "ok")
    assert (mine["source"], mine["trained on"], mine["sha256"]) == (
        "made by a test",
        "no pictures",
        models.find("mine").sha256,
    )
    assert anonymize("models", "import", network_).returncode == ExitCode.USAGE
    assert anonymize("models", "import", "yunet", network_, "--card", said).returncode == ExitCode.USAGE
    said.write_text(said.read_text().replace("classes = 2", "classes = 3"))
    refused = anonymize("models", "import", network_, "--card", said)
    assert refused.returncode == ExitCode.MODEL
    assert "does not fit its card" in " ".join(refused.stderr.split())


def bare(picture: NDArray[Any], kind: Kind | None = None) -> list[Box]:
    """The squares of which something can be seen in an RGB picture."""
    height, width = picture.shape[:2]
    seen = []
    for (x0, y0, x1, y1), one in squares(width, height).items():
        if (kind is None or one is kind) and picture[y0:y1, x0:x1].max() > 60:
            seen.append((x0, y0, x1, y1))
    return seen


@pytest.mark.parametrize(("form", "size"), [("yolox", (1920, 1080)), ("queries", (1280, 720))])
def test_run_and_detect(form: str, size: tuple[int, int], folder: Path) -> None:
    detect.import_own(*save(folder, form, size=(640, 640)))
    source, target, plan = film(folder / "film.mp4", size, 8), folder / "safe.mp4", folder / "plan.jsonl"
    assert len(bare(read_video(source)[0])) == 9
    options = ("--targets", "faces,screens", "--detectors", "mine", "--min-face", SIDE)
    done = anonymize("run", source, "-o", target, *options, "--report", folder, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [bare(picture) for picture in read_video(target)] == [[]] * 8
    (path,) = folder.glob("*.report.json")
    report = json.loads(path.read_text())
    assert report["redacted"]["tracks"] == {"face": 5, "plate": 0, "screen": 4}
    assert report["models"]["mine"]["finds"] == ["face", "screen"]
    assert report["models"]["mine"]["licence"] == "CC0-1.0"
    assert anonymize("detect", source, "-o", plan, "--targets", "screens", "--detectors", "mine:screen").returncode == 0
    kinds = {json.loads(line).get("kind") for line in plan.read_text().splitlines()[1:]} - {None}
    assert kinds == {"screen"}
    drawn_ = folder / "drawn.mp4"
    assert anonymize("render", source, "--plan", plan, "-o", drawn_).returncode == 0
    last = read_video(drawn_)[-1]
    assert (bare(last, SCREEN), len(bare(last, Kind.FACE))) == ([], 5)


PATIENT = """[follow]
max_gap = 9.0

[live]
lookahead = 9.0
buffer = 500
"""
"""However slow the machine: frames wait until they have been looked at."""


def test_live(folder: Path) -> None:
    detect.import_own(*save(folder, "boxes", strides=(8,)))
    source, out, preset = film(folder / "film.mp4", (1280, 720), 90, 5), folder / "recorded", folder / "patient.toml"
    preset.write_text(PATIENT)
    options = ("--targets", "faces,screens", "--detectors", "mine", "--min-face", SIDE, "--preset", preset)
    done = anonymize("live", source, "--to", f"record:{out}", *options)
    assert done.returncode == 0, done.stderr
    pictures = [picture for path in sorted(out.rglob("*.mp4")) for picture in read_video(path)]
    shown = [picture for picture in pictures if picture[100:200, 100:200].std() > 5]  # others have a notice
    assert shown
    assert [bare(picture) for picture in shown] == [[]] * len(shown)


def raw(outputs: Outputs, *arrays: NDArray[Any], size: tuple[int, int] = (64, 128)) -> Raw:
    return decoded(outputs, dict(zip("abc", arrays, strict=False)), size, "mine")


def as_floats(*rows: Any) -> NDArray[np.float32]:
    return np.array(rows, np.float32)


@pytest.mark.parametrize("apart", [True, False])
def test_rows_that_are_left_over_are_nothing_and_a_class_that_is_not_there_is_an_error(apart: bool) -> None:
    said = Outputs(Form.BOXES, 2, boxes="a", scores="b", labels="c") if apart else Outputs(Form.BOXES, 2)

    def given(label: float, score: float) -> list[NDArray[Any]]:
        boxes, scores, labels = (
            as_floats([1, 2, 9, 9], [-1, -1, -1, -1]),
            as_floats(score, -1.0),
            as_floats(label, -1.0),
        )
        parts = (
            [boxes, scores, labels] if apart else [np.concatenate([boxes, scores[:, None], labels[:, None]], axis=1)]
        )
        return [part[None] for part in parts]

    found = raw(said, *given(1, 0.9))
    assert found.labels is not None
    assert (found.boxes[0].tolist(), found.scores[0, 0], found.labels[0]) == ([1, 2, 9, 9], np.float32(0.9), 1)
    raw(said, *given(7, 0.01))  # too faint to matter
    with pytest.raises(Misfit, match="expected classes from 0 to 1, the network gives 7"):
        raw(said, *given(7, 0.9))
    with pytest.raises(Misfit, match="expected scores from 0 to 1"):
        raw(said, *given(1, 1.5))


def test_boxes_are_centre_and_size_or_corners_and_pixels_or_shares() -> None:
    scores = as_floats([[0.0, 0.0]])
    box = as_floats([[0.5, 0.5, 0.25, 0.5]])
    made = {
        "usual": raw(Outputs(Form.QUERIES, 2), box, scores).boxes,
        "corners": raw(Outputs(Form.QUERIES, 2, corners=True), box, scores).boxes,
        "pixels": raw(Outputs(Form.QUERIES, 2, relative=False), box, scores).boxes,
    }
    assert {name: boxes[0].tolist() for name, boxes in made.items()} == {
        "usual": [48, 16, 80, 48],
        "corners": [64, 32, 32, 32],
        "pixels": [0.375, 0.25, 0.625, 0.75],
    }
    (kept,) = raw(Outputs(Form.BOXES, 2, corners=False, relative=True), as_floats([0.5, 0.5, 0.25, 0.5, 0.9, 1])).boxes
    assert kept.tolist() == [48, 16, 80, 48]


def test_scores_become_probabilities() -> None:
    sigmoid = raw(Outputs(Form.QUERIES, 2), as_floats([[0, 0, 1, 1]]), as_floats([[0.0, 2.0]])).scores
    assert np.allclose(sigmoid, [[0.5, 0.880797]])
    softmax = Outputs(Form.QUERIES, 2, activation=Activation.SOFTMAX)
    assert np.allclose(raw(softmax, as_floats([[0, 0, 1, 1]]), as_floats([[0, 1, 3]])).scores, [[0.042010, 0.114195]])
    v8 = Outputs(Form.YOLOV8, 1, activation=Activation.SIGMOID)
    assert np.allclose(raw(v8, as_floats([[0], [0], [1], [1], [-1000]])).scores, [[0]])
    x = Outputs(Form.YOLOX, 1, activation=Activation.SIGMOID, decoded=True)
    assert np.allclose(raw(x, as_floats([[5, 5, 2, 4, 0, 2]])).scores, [[0.5 * 0.880797]])


def test_a_yolox_that_decodes_itself_gives_pixels() -> None:
    (box,) = raw(Outputs(Form.YOLOX, 1, decoded=True), as_floats([[50, 20, 10, 4, 1, 1]])).boxes
    assert box.tolist() == [45, 18, 55, 22]


@pytest.mark.parametrize("centre", [0.0, 0.5])
def test_distances_are_from_where_the_card_says_that_cells_are(centre: float) -> None:
    """Of a cell in the second row and third column of stride 16: one bin to each side."""
    cells = np.zeros((1, 4 * 8, 1 + 4 * 3), np.float32)
    cells[0, 8 + 2, 0] = 0.7
    cells[0, :, 2::3] = 100  # the logit of bin 1
    found = raw(Outputs(Form.NANODET, 1, strides=(16,), centre=centre), cells)
    x, y = (2 + centre) * 16, (1 + centre) * 16
    assert found.boxes[8 + 2].tolist() == [x - 16, y - 16, x + 16, y + 16]
    assert found.scores.argmax() == 8 + 2


def test_boxes_that_are_no_numbers_are_an_error_and_what_is_in_the_padding_is_left_out(folder: Path) -> None:
    detector = imported(folder, "rows")

    def found(*box: float) -> Detections:
        return detector.found({"output0": as_floats([[*box, 0.9, 0]])}, (64, 128), (60, 60))

    assert len(found(10, 10, 20, 20)) == 1
    assert not len(found(60, 10, 70, 20))
    assert not len(found(10, 61, 20, 64))
    assert not len(found(-9, 10, 0, 20))
    assert len(found(55, 55, 90, 90)) == 1
    with pytest.raises(ModelError, match="boxes that are no numbers"):
        found(10, np.nan, 20, 20)


def test_a_thing_found_twice_is_one(folder: Path) -> None:
    detector = imported(folder, "rows")
    rows = as_floats([[10, 10, 20, 20, 0.9, 0], [10, 11, 20, 20, 0.8, 0], [10, 11, 20, 20, 0.7, 1]])
    assert detector.found({"output0": rows}, (64, 64), (64, 64)).kind.tolist() == [int(Kind.FACE), int(SCREEN)]


def test_things_in_a_map_are_what_is_probable_and_touches() -> None:
    """Half as many places as pixels: two things of class 0, one of class 1, and what is too improbable."""
    planes = np.zeros((1, 2, 32, 64), np.float32)
    planes[0, 0, 4:8, 10:20] = 0.9
    planes[0, 0, 20, 30], planes[0, 0, 21, 31] = 0.5, 0.7
    planes[0, 1, 4:8, 10:20] = 0.4
    planes[0, 1, 20:30, 40:60] = 0.29
    found = raw(Outputs(Form.MAP, 2, grow=0), planes)
    assert found.labels is not None
    assert found.boxes.tolist() == [[20, 8, 40, 16], [60, 40, 64, 44], [20, 8, 40, 16]]
    assert np.allclose(found.scores[:, 0], [0.9, 0.6, 0.4])
    assert found.labels.tolist() == [0, 0, 1]
    grown = raw(Outputs(Form.MAP, 2), planes).boxes[0]
    assert np.allclose(grown, np.array([20, 8, 40, 16]) + np.array([-1, -1, 1, 1]) * 1.6 * 20 * 8 / 56)


@pytest.mark.parametrize(("value", "message"), [(np.nan, "no numbers"), (7.0, "expected scores from 0 to 1")])
def test_a_map_that_is_no_probability_is_an_error(value: float, message: str) -> None:
    with pytest.raises(Misfit, match=message):
        raw(Outputs(Form.MAP, 1), np.full((1, 1, 8, 8), value, np.float32))
