"""Penalty-reduced focal loss on the heat, generalised IoU on the boxes of the cells under it, a teacher's belief."""

from __future__ import annotations

import torch
from torch import Tensor

from training.model_constants import STRIDE

BELIEVED = 0.3
"""Belief of a teacher from which on its boxes are learnt."""
CELLS = 5
"""Cells of a box in which a teacher believes so much, as counted roughly on faces and plates of 20 to 60 px."""


def heat_loss(logits: Tensor, heat: Tensor, counts: Tensor) -> Tensor:
    """CenterNet's focal loss (arXiv 1904.07850), per labelled box; all shapes `(n, kinds, rows, columns)`."""
    chance = torch.sigmoid(logits)
    sure, unsure = torch.nn.functional.logsigmoid(logits), torch.nn.functional.logsigmoid(-logits)
    centre = (heat > 0.9999).to(logits.dtype)
    hits = (1 - chance) ** 2 * sure * centre
    empty = chance**2 * unsure * (1 - heat) ** 4 * (1 - centre)
    return -((hits + empty) * counts).sum() / centre.sum().clamp(min=1)


def box_loss(distances: Tensor, edges: Tensor, weight: Tensor) -> Tensor:
    """1 - GIoU (arXiv 1902.09630) where `weight` is not zero, averaged with it.

    Args:
        distances: logarithms of distances in cells, `(n, 4 * kinds, rows, columns)`.
        edges: x0, y0, x1, y1 in pixels, `(n, kinds, 4, rows, columns)`.
        weight: `(n, kinds, rows, columns)`; each box's cells sum to one.
    """
    picture, kind, row, column = torch.nonzero(weight, as_tuple=True)
    if len(picture) == 0:
        return distances.sum() * 0
    share = weight[picture, kind, row, column]
    said = distances.unflatten(1, edges.shape[1:3])[picture, kind, :, row, column]
    away = torch.exp(said.clamp(max=8)) * STRIDE
    centre = torch.stack([column, row], dim=1).to(away.dtype) * STRIDE + STRIDE / 2
    low, high = centre - away[:, :2], centre + away[:, 2:]
    true = edges[picture, kind, :, row, column]
    shared = (torch.minimum(high, true[:, 2:]) - torch.maximum(low, true[:, :2])).clamp(min=0).prod(dim=1)
    union = (high - low).prod(dim=1) + (true[:, 2:] - true[:, :2]).prod(dim=1) - shared
    hull = (torch.maximum(high, true[:, 2:]) - torch.minimum(low, true[:, :2])).prod(dim=1)
    giou = shared / union.clamp(min=1e-6) - (hull - union) / hull.clamp(min=1e-6)
    return ((1 - giou) * share).sum() / share.sum()


def belief_loss(
    logits: Tensor, distances: Tensor, teacher: tuple[Tensor, Tensor], counts: Tensor, heat: Tensor
) -> Tensor:
    """How far the network's belief is from a teacher's, where no label counts.

    Quality focal loss (arXiv 2006.04388) on the heat, and the distance of the logarithms on the boxes of cells that
    the teacher believes in; both per labelled or believed box.

    Args:
        logits: heat of the teacher's kinds, `(n, kinds, rows, columns)`.
        distances: theirs, `(n, 4 * kinds, rows, columns)`.
        teacher: the same two of the teacher.
        counts, heat: the labels' targets for these kinds.
    """
    belief, edges = torch.sigmoid(teacher[0]), teacher[1]
    unknown = (counts == 0).to(logits.dtype)
    chance = torch.sigmoid(logits)
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(logits, belief, reduction="none")
    believed = (belief > BELIEVED).to(logits.dtype) * belief * unknown
    boxes = (heat > 0.9999).sum() + (believed > 0).sum() / CELLS
    heats = ((chance - belief) ** 2 * entropy * unknown).sum() / boxes.clamp(min=1)
    apart = (distances - edges).abs().unflatten(1, (logits.shape[1], 4)).mean(dim=2)
    return heats + (apart * believed).sum() / believed.sum().clamp(min=1)
