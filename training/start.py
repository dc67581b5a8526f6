"""A start that says what another network says: one that ships, taken out of its ONNX file, or a smaller net.

The file holds convolutions with their batch norms folded in. The net made of it says what the file says, to the last
digits: batch norms are set to the statistics of some pictures and undo just that, so that training, which norms by each
batch's own, goes on from the same function. The first edition knows two kinds that share one box: blocks that it had
not start as doing nothing, and heads and persons as found nowhere, with the shared box. The network that is asked about
one place has no maps at its end.

A larger net says what the smaller says to the last digits too: what it has more computes something from the start, but
is read with weights of zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import onnx
import onnx.numpy_helper
import torch
from torch import Tensor, nn

from training.decode import FIRST_EDITION
from training.model import Block, Net
from training.sources import KINDS

BLOCKS = {"down8": 1, "down16": 2, "down32": 3}
"""How many blocks each part of the first edition has."""
EMPTY = -4.6
"""Logit of heat at about one percent."""


def start(net: Net, path: Path, pictures: Iterable[Tensor], around: nn.Module | None = None) -> None:
    """Sets `net`'s weights to those of the network at `path`.

    Args:
        net: changed in place.
        path: ONNX file of the first or second edition, or of the network that is asked about one place.
        pictures: batches `(n, 3, h, w)`, BGR 0-255, such as training will see.
        around: what `net` is a part of, and is shown them; `net` itself if left out.

    Raises:
        ValueError: the file's convolutions are not those of `net`, blocks added at the end of a stride aside.
    """
    folded, kinds = _convolutions(path), _kinds(path)
    first = kinds == FIRST_EDITION
    with torch.no_grad():
        for conv, norm in _pairs(net, BLOCKS if first else {}):
            if conv is None:
                norm.weight.zero_()
            else:
                _fill(conv, norm, *_next(folded, path))
        if first:
            _fill_out(net, *_next(folded, path))
        elif kinds == KINDS:
            _fill_with(net.out, *_next(folded, path))
        if folded:
            raise ValueError(f"{path} holds {len(folded)} more convolutions than the network")
        _measure(around or net, [picture.float() for picture in pictures])


def answers(path: Path) -> dict[str, Tensor]:
    """The weights behind the last convolution of the network that is asked about one place, by name; none of others."""
    if _kinds(path) in (FIRST_EDITION, KINDS):
        return {}
    values = {one.name: one for one in onnx.load(path).graph.initializer}
    names = [f"{layer}.{part}" for layer in ("fc", "out") for part in ("weight", "bias")]
    return {name: torch.tensor(onnx.numpy_helper.to_array(values[f"net.{name}"])) for name in names}


def widen(net: Net, small: Net) -> None:
    """Sets `net`'s weights so that it says what `small` says, in training and after it.

    As in Net2Net (Chen, Goodfellow, Shlens, arXiv 1511.05641), but new channels are no copies of old ones: their own
    weights are random, and those by which an old channel reads them are zero. New blocks and a new stage are scaled by
    zero. What is zero has gradients at the first step, what it reads at the second.

    Args:
        net: changed in place.
        small: with fewer channels, blocks or stages, or as many.

    Raises:
        ValueError: `small` has what `net` has not, or more of it.
    """
    own, known = net.state_dict(), {name for name, _ in small.named_modules()}
    with torch.no_grad():
        for name, value in small.state_dict().items():
            there = own[name].shape if name in own else ()
            if len(there) != value.dim() or any(a < b for a, b in zip(there, value.shape, strict=True)):
                raise ValueError(f"{name} has the shape {tuple(value.shape)}, which does not fit into {tuple(there)}")
            if value.dim() > 1:
                own[name][: len(value)] = 0
            own[name][tuple(slice(size) for size in value.shape)] = value
        for name, module in net.named_modules():
            if isinstance(module, Block) and name not in known:
                module.widen[1].weight.zero_()
            elif name == "lateral64" and name not in known:
                module[1].weight.zero_()


def _convolutions(path: Path) -> list[tuple[Tensor, Tensor]]:
    """Weight and bias of each convolution, in the order in which the network runs them."""
    graph = onnx.load(path).graph
    values = {value.name: torch.tensor(onnx.numpy_helper.to_array(value)) for value in graph.initializer}
    convolutions = [node.input for node in graph.node if node.op_type == "Conv"]
    if not all(name in values for _, *names in convolutions for name in names):
        raise ValueError(f"{path} holds convolutions whose weights are not plain numbers: not the first edition")
    return [(values[weight], values[bias]) for _, weight, bias in convolutions]


def _kinds(path: Path) -> tuple[str, ...]:
    """The kinds of a file's maps, or what its answers are about."""
    listed = {one.key: one.value for one in onnx.load(path).metadata_props}.get("kinds", "")
    return tuple(listed.split(",")) if listed else FIRST_EDITION


def _next(folded: list[tuple[Tensor, Tensor]], path: Path) -> tuple[Tensor, Tensor]:
    if not folded:
        raise ValueError(f"{path} holds fewer convolutions than the network")
    return folded.pop(0)


def _pairs(net: Net, has: Mapping[str, int]) -> Iterable[tuple[nn.Conv2d | None, nn.BatchNorm2d]]:
    """Each convolution with its norm in the order of the file, of which some parts have only so many blocks;
    (None, norm) closes a block that the file lacks."""
    for part in ("stem", "down4", "down8", "down16", "down32", "lateral16", "lateral32", "mix16", "lateral8", "mix8"):
        module = getattr(net, part)
        blocks = list(module.blocks)[has[part] :] if part in has else []
        added = {id(m) for block in blocks for m in block.modules()}
        for child in module.modules():
            if isinstance(child, Block) and id(child) in added:
                yield None, child.widen[1]
            elif (
                isinstance(child, nn.Sequential)
                and any(isinstance(m, nn.Conv2d) for m in child.children())
                and id(child) not in added
            ):
                yield child[0], child[1]


def _fill(conv: nn.Conv2d, norm: nn.BatchNorm2d, weight: Tensor, bias: Tensor) -> None:
    """A folded convolution; its weights are brought to unit filters, as the norm makes their size free."""
    if conv.weight.shape != weight.shape:
        raise ValueError(f"expected a convolution of {tuple(conv.weight.shape)}, got {tuple(weight.shape)}")
    size = float(weight.flatten(1).norm(dim=1).mean())
    conv.weight.copy_(weight / size)
    norm.running_mean.zero_()
    norm.running_var.fill_(1 - norm.eps)
    norm.weight.fill_(size)
    norm.bias.copy_(bias)


def _fill_with(out: nn.Conv2d, weight: Tensor, bias: Tensor) -> None:
    """The output of the second edition, as it is."""
    if out.weight.shape != weight.shape:
        raise ValueError(f"expected an output of {tuple(out.weight.shape)}, got {tuple(weight.shape)}")
    out.weight.copy_(weight)
    assert out.bias is not None
    out.bias.copy_(bias)


def _fill_out(net: Net, weight: Tensor, bias: Tensor) -> None:
    """The output of the first edition: planes of four quarters each, first the heat of every kind, then four distances
    for every kind."""
    kinds, old = len(KINDS), len(FIRST_EDITION)
    weight, bias = weight.reshape(old + 4, 4, *weight.shape[1:]), bias.reshape(old + 4, 4)
    planes, levels = torch.zeros(5 * kinds, *weight.shape[1:]), torch.full((5 * kinds, 4), EMPTY)
    for number, kind in enumerate(KINDS):
        if kind in FIRST_EDITION:
            planes[number], levels[number] = (v[FIRST_EDITION.index(kind)] for v in (weight, bias))
        else:
            nn.init.normal_(planes[number], std=0.01)
        boxes = slice(kinds + 4 * number, kinds + 4 * number + 4)
        planes[boxes], levels[boxes] = weight[old:], bias[old:]
    net.out.weight.copy_(planes.flatten(0, 1))
    net.out.bias.copy_(levels.flatten())


def _measure(net: nn.Module, pictures: list[Tensor]) -> None:
    """Sets every norm's statistics to what it meets on `pictures`, and its scale and shift so that nothing changes."""
    met: dict[nn.BatchNorm2d, list[tuple[Tensor, Tensor]]] = {}

    def note(norm: nn.Module, inputs: tuple[Tensor, ...], _: Tensor) -> None:
        assert isinstance(norm, nn.BatchNorm2d)
        variance, mean = torch.var_mean(inputs[0], dim=(0, 2, 3))
        met.setdefault(norm, []).append((variance + mean**2, mean))

    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    hooks = [norm.register_forward_hook(note) for norm in norms]
    training = net.training
    net.eval()
    for batch in pictures:
        net(batch)
    net.train(training)
    for hook in hooks:
        hook.remove()
    for norm, seen in met.items():
        square, mean = (torch.stack([pair[i] for pair in seen]).mean(dim=0) for i in range(2))
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        norm.bias += scale * (mean - norm.running_mean)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_((square - mean**2).clamp(min=1e-6))
        norm.weight.copy_(scale * torch.sqrt(norm.running_var + norm.eps))
