"""A small network that learns to tell things apart by pictures. Needs PyTorch (the dependency group `training`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

BATCH = 128
WIDTHS = (24, 48, 64)
SEED = 1


def network(classes: int, heads: int = 1) -> Any:
    """Three convolutions and two layers, for pictures of three channels; `heads` answers of `classes` scores each."""
    layers: list[Any] = []
    before = 3
    for width in WIDTHS:
        layers += [nn.Conv2d(before, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)]
        before = width
    layers += [nn.Flatten(), nn.Dropout(0.3), nn.LazyLinear(256), nn.ReLU(), nn.Linear(256, heads * classes)]
    return nn.Sequential(*layers, nn.Unflatten(1, (heads, classes)))


def guesses(
    learn: tuple[NDArray[np.float32], NDArray[np.int64]],
    guess: NDArray[np.float32],
    classes: int,
    *,
    epochs: int = 12,
    say: Callable[[str], None] = lambda _: None,
) -> NDArray[np.int64]:
    """Train on pictures with their answers, and answer for other pictures.

    Args:
        learn: (N, 3, height, width) from 0 to 1, and the answers (N,) or (N, heads), 0 to `classes` - 1.
        guess: (M, 3, height, width).
        classes: how many answers there are.
        epochs: passes over `learn`.
        say: gets a line with the loss after every epoch.

    Returns:
        (M, heads) answers.
    """
    torch.manual_seed(SEED)
    answers = torch.from_numpy(learn[1].reshape(len(learn[1]), -1))
    pictures = torch.from_numpy(learn[0])
    net = network(classes, answers.shape[1])
    net(pictures[:2])  # the first pictures tell how wide the inner layer is
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-2)
    steps = epochs * -(-len(pictures) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    for epoch in range(epochs):
        net.train()
        total = 0.0
        for index in torch.randperm(len(pictures)).split(BATCH):
            scores = net(pictures[index])
            loss = nn.functional.cross_entropy(scores.flatten(0, 1), answers[index].flatten(), label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(index)
        say(f"epoch {epoch + 1}: loss {total / len(pictures):.3f}")
    net.eval()
    with torch.no_grad():
        found = [net(part).argmax(dim=2) for part in torch.from_numpy(guess).split(BATCH)]
    return np.asarray(torch.cat(found).numpy(), np.int64)
