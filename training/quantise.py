"""Networks with 8-bit weights and activations, for processors: the same finds for less than two thirds of the time.

Rounded as it is, CenterFace loses a percent of the faces: within one tensor some channels are fifty times as large as
others, and all share one scale. So the channels are brought to one size first. Behind a ReLU that changes nothing else:
a channel may be divided by any number where it is made, if the next layer multiplies it again (Nagel, van Baalen,
Blankevoort, Welling: Data-Free Quantization Through Weight Equalization and Bias Correction, arXiv 1906.04721; how much
of it falls to activations and how much to weights: Xiao et al., SmoothQuant, arXiv 2211.10438).
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnx
from onnx import ModelProto, NodeProto, numpy_helper, version_converter
from onnxruntime import InferenceSession, SessionOptions
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from anonymize.detect import argus, centerface
from anonymize.detect.detector import padded
from anonymize.models.runtime import flexible
from training.geometry import Picture
from training.labels import read_picture
from training.sources import may_train, read_annotations

OPSET = 13
"""The first version in which every channel may have a scale of its own."""
PICTURES = {"capstone": 60, "hardhat7035": 60, "mik1i_gray": 30}
"""How many pictures of which sets show how large activations become: streets, lobbies, workers, faces close by. What
was made of them ships already, from pictures of these sets that would not be taken now, too (`training.sources`)."""
ALL_KINDS = {"capstone": 40, "hardhat7035": 30, "mik1i_gray": 20, "oid_person": 40, "romania": 20}
"""The same for networks made since: of pictures that may train, and with vehicles and photos among them."""
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
BETWEEN = frozenset({"Conv", "Add", "Relu", "Resize"})
"""What is done in 8 bits."""

Floats = npt.NDArray[np.float32]
Blob = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Network:
    """What differs between networks.

    Args:
        input: its name.
        outputs: those that are kept.
        first: layers at the beginning that stay in 32 bits: three colours, or 32 channels with one kernel each, are too
            few for 8 bits to be quicker.
        last: layers at the end that do.
        blob: converts a picture to the input.
        pictures: how many of which sets are shown to it.
        strict: whether pictures that may not train are left out.
    """

    input: str
    outputs: tuple[str, ...]
    first: int
    last: int
    blob: Callable[[Picture], Blob]
    pictures: dict[str, int] = field(default_factory=lambda: PICTURES)
    strict: bool = False


def _centerface(picture: Picture) -> Blob:
    return padded(np.asarray(picture[..., ::-1], np.uint8), centerface.MULTIPLE, np.float32)


def _argus(picture: Picture) -> Blob:
    return padded(picture, argus.MULTIPLE, np.uint8)


NETWORKS = {
    "centerface": Network("input.1", ("537", "538", "539"), 2, 3, _centerface),  # its landmarks are left out
    "argus": Network("image", ("scores", "distances"), 1, 1, _argus),
    "argus2": Network("image", ("scores", "distances"), 1, 1, _argus, ALL_KINDS, strict=True),
}


@dataclass(frozen=True, slots=True)
class Link:
    """A convolution, the ReLU behind it, and the one convolution that takes the result.

    Args:
        maker: computes `tensor`, before its ReLU.
        tensor: name.
        taker: uses it as input.
    """

    maker: NodeProto
    tensor: str
    taker: NodeProto

    @property
    def by_channel(self) -> bool:
        """Whether `taker` is depth-wise."""
        return any(a.name == "group" and a.i > 1 for a in self.taker.attribute)


def quantise(name: str, content: bytes, data: Path, seed: int = 0) -> bytes:
    """The ONNX file `content` of the network `name`, any input size, in 8 bits but for its beginning and its end.

    Args:
        name: a key of `NETWORKS`.
        content: as it was made, in 32 bits.
        data: the folder of `faces/` and `people/`.
        seed: of the choice of pictures.
    """
    network = NETWORKS[name]
    blobs = [network.blob(picture) for picture in _pictures(network, data, seed)]
    with tempfile.TemporaryDirectory() as folder:
        model = _prepared(network, content, Path(folder))
        equalise(network, model, blobs)
        centre(network, model, blobs)
        return _rounded(network, model, blobs, Path(folder))


def equalise(network: Network, model: ModelProto, blobs: list[Blob]) -> None:
    """Bring the channels between convolutions to one size each, without a change to what `model` computes."""
    weights = _weights(model)
    links = _links(model)
    names = [link.tensor for link in links]
    for link, size in zip(links, _sizes(network, model, names, blobs), strict=True):
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
    _store(model, weights)


def centre(network: Network, model: ModelProto, blobs: list[Blob]) -> None:
    """Take from every bias what the rounding of its layer's weights will add to its channel on average."""
    weights = _weights(model)
    layers = [node for node in model.graph.node if node.op_type == "Conv"][network.first : -network.last]
    names = list(dict.fromkeys(node.input[0] for node in layers))
    means = dict(zip(names, _means(network, model, names, blobs), strict=True))
    for layer in layers:
        weight = weights[layer.input[1]]
        step = np.maximum(np.abs(weight).max(axis=(1, 2, 3), keepdims=True), 1e-12) / LEVELS
        error = (np.round(weight / step) * step - weight).sum(axis=(2, 3))
        mean = means[layer.input[0]]
        weights[layer.input[2]] = weights[layer.input[2]] - (
            error[:, 0] * mean if weight.shape[1] == 1 else error @ mean
        )
    _store(model, weights)


def _weights(model: ModelProto) -> dict[str, Floats]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def _store(model: ModelProto, weights: dict[str, Floats]) -> None:
    for tensor in model.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(weights[tensor.name], tensor.name))


def _pictures(network: Network, data: Path, seed: int) -> Iterator[Picture]:
    """Those that show how large activations become."""
    drawn = random.Random(seed)
    for name, count in network.pictures.items():
        examples = [e for e in read_annotations(data, {name}) if may_train(e) or not network.strict]
        for number, example in enumerate(drawn.sample(examples, count)):
            picture = read_picture(data / example.image)
            scale = SIDES[number % len(SIDES)] / max(picture.shape[:2])
            yield np.asarray(cv2.resize(picture, None, fx=scale, fy=scale), np.uint8)


def _prepared(network: Network, content: bytes, folder: Path) -> ModelProto:
    """The network with its `outputs` alone, every node named, batch normalisation folded into what stands before it."""
    before, after = folder / "before.onnx", folder / "after.onnx"
    model = onnx.load_from_string(flexible(content))
    if model.opset_import[0].version < OPSET:
        model = version_converter.convert_version(model, OPSET)
    outputs = [value for value in model.graph.output if value.name in network.outputs]
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
    weights = _weights(model)
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


def _sizes(network: Network, model: ModelProto, names: list[str], blobs: list[Blob]) -> Iterator[Floats]:
    """(C,) of every tensor of `names`: how large its channels become, on the picture on which they are largest."""
    session = _session(_watched(model, names))
    sizes = [np.full(1, 1e-3, np.float32)] * len(names)
    for blob in blobs:
        for number, value in enumerate(session.run(names, {network.input: blob})):
            here = np.percentile(value[0].reshape(value.shape[1], -1), LARGE, axis=1)
            sizes[number] = np.maximum(sizes[number], here.astype(np.float32))
    yield from sizes


def _means(network: Network, model: ModelProto, names: list[str], blobs: list[Blob]) -> Iterator[Floats]:
    """(C,) of every tensor of `names`: the means of its channels."""
    session = _session(_watched(model, names))
    sums = [np.zeros(1, np.float32)] * len(names)
    for blob in blobs:
        values = session.run(names, {network.input: blob})
        sums = [total + value[0].mean(axis=(1, 2)) for total, value in zip(sums, values, strict=True)]
    yield from (total / np.float32(len(blobs)) for total in sums)


def _watched(model: ModelProto, names: list[str]) -> bytes:
    """`model`, which gives the tensors `names` too."""
    watched = ModelProto()
    watched.CopyFrom(model)
    for name in names:
        watched.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    return bytes(watched.SerializeToString())


def _rounded(network: Network, model: ModelProto, blobs: list[Blob], folder: Path) -> bytes:
    """`model` in 8 bits: a scale for every channel of weights, and one for every tensor of activations."""
    before, after = folder / "equal.onnx", folder / "rounded.onnx"
    onnx.save(model, before)
    nodes = model.graph.node
    layers = [node.name for node in nodes if node.op_type == "Conv"]
    quantize_static(
        before,
        after,
        _Reader(network.input, blobs),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
        reduce_range=True,
        nodes_to_exclude=[
            *layers[: network.first],
            *layers[-network.last :],
            *(node.name for node in nodes if node.op_type not in BETWEEN),
        ],
    )
    rounded = onnx.load(after)
    onnx.checker.check_model(rounded)
    return bytes(rounded.SerializeToString())


def _session(content: bytes) -> InferenceSession:
    options = SessionOptions()
    options.log_severity_level = 3
    return InferenceSession(content, options, providers=["CPUExecutionProvider"])


class _Reader(CalibrationDataReader):
    """Pictures, in the form in which onnxruntime asks for them."""

    def __init__(self, name: str, blobs: list[Blob]) -> None:
        self._name = name
        self._blobs = iter(blobs)

    def get_next(self) -> dict[str, Blob] | None:
        """The next one."""
        blob = next(self._blobs, None)
        return None if blob is None else {self._name: blob}
