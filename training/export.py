"""Turns a checkpoint's averaged weights into the ONNX file that ships."""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from training.model import Net
from training.model_constants import MULTIPLE, STRIDE
from training.sources import KINDS


class Deployed(nn.Module):
    """The network with the steps around it: pixels in, peaks of the heat and boxes in cells out."""

    def __init__(self, net: Net) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """`(n, 3, h, w)` uint8 BGR -> scores, zero off the peaks, and log distances; shapes as in `Net`."""
        heat, distances = self.net(image.to(torch.float32))
        peak = nn.functional.max_pool2d(heat, 3, 1, 1)
        scores = torch.sigmoid(heat) * (heat >= peak).to(torch.float32)
        return scores, distances


def export(net: Net, out: Path, opset: int = 17) -> None:
    """Writes `net` to `out`: input `image`, outputs `scores` and `distances`; batch, height and width are free."""
    deployed = Deployed(net).eval()
    example = torch.zeros(1, 3, 2 * MULTIPLE, 3 * MULTIPLE, dtype=torch.uint8)
    free = {0: "batch", 2: "height", 3: "width"}
    cells = {0: "batch", 2: "rows", 3: "columns"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            deployed,
            (example,),
            str(out),
            input_names=["image"],
            output_names=["scores", "distances"],
            dynamic_axes={"image": free, "scores": cells, "distances": cells},
            opset_version=opset,
            dynamo=False,
        )
    model = onnx.load(out)
    onnx.checker.check_model(model)
    model.metadata_props.add(key="stride", value=str(STRIDE))
    model.metadata_props.add(key="multiple", value=str(MULTIPLE))
    model.metadata_props.add(key="kinds", value=",".join(KINDS))
    onnx.save(model, out)
    _check(net, out)


def sha256(path: Path) -> str:
    """The digest by which `anonymize.models` knows a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _check(net: Net, path: Path) -> None:
    """Fails when onnxruntime and PyTorch disagree on a picture of noise."""
    image = np.random.default_rng(0).integers(0, 256, (2, 3, 96, 128), dtype=np.uint8)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    got = session.run(None, {"image": image})
    with torch.inference_mode():
        want = Deployed(net).eval()(torch.from_numpy(image))
    np.testing.assert_allclose(got[1], want[1].numpy(), atol=2e-3, rtol=2e-3)
    np.testing.assert_allclose(got[0].max(), want[0].numpy().max(), atol=2e-3)
