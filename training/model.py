"""The network: a residual backbone to stride 32 or 64, a top-down path to stride 8, one stride-4 output for all kinds.

The stride-4 output costs no more than a stride-8 one: each stride-8 cell predicts its own four quarters, which are then
shuffled apart. Channels are multiples of 16 and activations are ReLUs after convolutions: onnxruntime fuses those.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class NetShape:
    """Sizes of the network; the defaults are those of the second edition."""

    kinds: int = 4
    stem: int = 16
    widths: tuple[int, ...] = (32, 64, 96, 128)
    """Channels at strides 4, 8, 16, 32, and 64 if there is a fifth."""
    blocks: tuple[int, ...] = (1, 2, 4)
    """Residual blocks at strides 8, 16, 32, and 64 if there is that stage."""
    neck: int = 64
    """Channels of the top-down path."""


SHAPES = {
    "small": NetShape(),
    "large": NetShape(widths=(32, 96, 128, 128, 128), blocks=(2, 3, 4, 1), neck=96),
}
"""By the names that `train --net` takes."""


def conv(inputs: int, outputs: int, size: int = 3, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """A convolution and its batch norm."""
    padding = size // 2 * dilation
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, padding, dilation, bias=False), nn.BatchNorm2d(outputs)
    )


class Block(nn.Module):
    """A residual bottleneck: 1x1 to half the channels, then 3x3 back."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.narrow = conv(channels, channels // 2, 1)
        self.widen = conv(channels // 2, channels, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape out as in."""
        return torch.relu(x + self.widen(torch.relu(self.narrow(x))))


class Down(nn.Module):
    """Halves the sides with a 3x3 convolution, then some residual blocks, which may be dilated."""

    def __init__(self, inputs: int, outputs: int, blocks: int, dilations: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.shrink = conv(inputs, outputs, stride=2)
        spread = (dilations + (1,) * blocks)[:blocks]
        self.blocks = nn.Sequential(*(Block(outputs, dilation) for dilation in spread))

    def forward(self, x: Tensor) -> Tensor:
        """`(n, inputs, h, w)` -> `(n, outputs, h / 2, w / 2)`."""
        out: Tensor = self.blocks(torch.relu(self.shrink(x)))
        return out


class Net(nn.Module):
    """Pictures `(n, 3, h, w)`, BGR, 0-255 -> heat logits `(n, kinds, h/4, w/4)`, distances `(n, 4 * kinds, h/4, w/4)`.

    The distances, four for each kind, are the logarithm of how far, in units of 4 pixels, the box's left, top, right
    and bottom edges lie from the centre of the cell. A face, its head and its body share cells: each kind has its own.
    """

    def __init__(self, shape: NetShape | None = None) -> None:
        super().__init__()
        self.shape = shape = shape or NetShape()
        at4, at8, at16, at32, *further = shape.widths
        self.stem = conv(3, shape.stem, stride=2)
        self.down4 = Down(shape.stem, at4, 0)
        self.down8 = Down(at4, at8, shape.blocks[0])
        self.down16 = Down(at8, at16, shape.blocks[1])
        self.down32 = Down(at16, at32, shape.blocks[2], (1, 2, 3))
        for at64 in further:
            self.down64 = Down(at32, at64, shape.blocks[3])
            self.lateral64 = conv(at64, shape.neck, 1)
        self.lateral32 = conv(at32, shape.neck, 1)
        self.lateral16 = conv(at16, shape.neck, 1)
        self.lateral8 = conv(at8, shape.neck, 1)
        self.mix16 = Block(shape.neck)
        self.mix8 = Block(shape.neck)
        self.out = self._start(nn.Conv2d(shape.neck, 4 * 5 * shape.kinds, 1))
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.shuffle = nn.PixelShuffle(2)

    def _start(self, out: nn.Conv2d) -> nn.Conv2d:
        """Starts the heat near 1%, so that the many empty cells don't swamp the first steps, and boxes near 20 px."""
        nn.init.normal_(out.weight, std=0.01)
        bias = torch.full((5 * self.shape.kinds, 4), -4.6)
        bias[self.shape.kinds :] = 1.0
        out.bias = nn.Parameter(bias.flatten())
        return out

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        x4 = self.down4(torch.relu(self.stem(picture * (1 / 255))))
        x8 = self.down8(x4)
        x16 = self.down16(x8)
        x32 = self.down32(x16)
        y32 = self.lateral32(x32)
        if len(self.shape.widths) > 4:  # odd numbers of rows or columns at stride 32 come back as one more
            rows, columns = y32.shape[2:]
            y32 = y32 + self.up(self.lateral64(self.down64(x32)))[:, :, :rows, :columns]
        y16 = self.mix16(torch.relu(self.lateral16(x16) + self.up(y32)))
        y8 = self.mix8(torch.relu(self.lateral8(x8) + self.up(y16)))
        out = self.shuffle(self.out(y8))
        return out[:, : self.shape.kinds], out[:, self.shape.kinds :]
